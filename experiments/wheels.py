"""Gathers the wheels that a GPU machine without a package index needs besides its own torch.

    python experiments/wheels.py FOLDER [--python-version 3.12] [--platform manylinux_2_28_x86_64]

They are the versions of requirements.lock. torch, torchvision and pytorch-lightning, and what these need, are there.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

NEEDED = (
    "annotated-types",
    "antlr4-python3-runtime",
    "av",
    "griffelib",
    "hydra-core",
    "hydra-joblib-launcher",
    "hydra-submitit-launcher",
    "omegaconf",
    "opencv-contrib-python",
    "safetensors",
    "submitit",
    "cloudpickle",
    "joblib",
    "colorama",
)
"""What a run imports, with the launchers that Hydra looks for at its start."""


def main() -> None:
    """Download the wheels, and build the one that is published as a source alone."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--python-version", default="3.12")
    parser.add_argument("--platform", default="manylinux_2_28_x86_64")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    pins = pinned(Path(__file__).parent.parent / "requirements.lock", given.python_version)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    for name in NEEDED:
        target = ["--no-deps", pins[name]]
        if name == "antlr4-python3-runtime":  # has no wheel, and is the same on every Python
            subprocess.run([*pip, "wheel", "--wheel-dir", str(given.folder), *target], check=True)
            continue
        options = ["--only-binary", ":all:", "--python-version", given.python_version]
        platforms = [f"--platform={name}" for name in (given.platform, "manylinux2014_x86_64")]
        subprocess.run(
            [*pip, "download", "--dest", str(given.folder), *options, *platforms, *target], check=True
        )
    total = sum(file.stat().st_size for file in given.folder.glob("*.whl"))
    print(f"{len(NEEDED)} wheels, {total / 2**20:.0f} MB, in {given.folder}")


def pinned(lock: Path, python: str) -> dict[str, str]:
    """The requirement of each package, `name==version`, for a version of Python."""
    from packaging.requirements import Requirement

    found: dict[str, str] = {}
    for line in lock.read_text(encoding="utf-8").splitlines():
        if not line[:1].isalnum():
            continue
        requirement = Requirement(line.split(" \\")[0])
        environment = {
            "python_version": python,
            "python_full_version": f"{python}.0",
            "sys_platform": "linux",
        }
        if requirement.marker is None or requirement.marker.evaluate(environment):
            found[requirement.name] = f"{requirement.name}{requirement.specifier}"
    return found


if __name__ == "__main__":
    main()
