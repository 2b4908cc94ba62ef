"""What an environment file wants on this platform, and what is installed in a folder."""

import base64
import hashlib
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import Distribution, PackagePath, distributions
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from longtail.runtime.fingerprint import ROOT

# Written by the installer, each in its own way, as are scripts (outside the folder) and bytecode.
INSTALLERS = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"}


def wanted(group: str, python: str) -> dict[str, str]:
    """The version of each package of an environment file under a version of Python."""
    *_, with_pip = yaml.safe_load((ROOT / "envs" / f"{group}.yaml").read_text())["dependencies"]
    lines = [Requirement(line.split(" --hash")[0]) for line in with_pip["pip"]]
    here = {"python_full_version": python, "python_version": ".".join(python.split(".")[:2])}
    return {
        canonicalize_name(line.name): str(line.specifier).removeprefix("==")
        for line in lines
        if line.marker is None or line.marker.evaluate(here)
    }


def installed(folder: Path) -> dict[str, Distribution]:
    """The packages in a site-packages folder."""
    return {canonicalize_name(found.name): found for found in distributions(path=[str(folder)])}


def record(package: Distribution) -> dict[str, str]:
    """Hash of each file of a package, by its path, as far as the wheel has settled it."""
    return {
        str(file): file.hash.value
        for file in package.files or ()
        if file.hash and ".." not in file.parts and file.name not in INSTALLERS and file.suffix != ".pyc"
    }


def unrecorded(package: Distribution) -> list[str]:
    """Files of a package that have no recorded hash, but for the record itself and bytecode."""
    return [
        str(file) for file in package.files or () if not file.hash and file.name != "RECORD" and file.suffix != ".pyc"
    ]


def altered(packages: list[Distribution]) -> list[str]:
    """Files that are not what the records of their packages say."""
    files = [file for package in packages for file in package.files or () if file.hash]
    with ThreadPoolExecutor() as pool:
        return [str(file) for file, sound in zip(files, pool.map(_sound, files), strict=True) if not sound]


def unmet(packages: dict[str, Distribution]) -> list[str]:
    """What packages require, extras aside, and do not find among themselves."""
    required = [Requirement(line) for package in packages.values() for line in package.requires or ()]
    return [
        str(each)
        for each in required
        if (each.marker is None or each.marker.evaluate({"extra": ""}))
        and not ((found := packages.get(canonicalize_name(each.name))) and each.specifier.contains(found.version))
    ]


def _sound(file: PackagePath) -> bool:
    assert file.hash
    with open(str(file.locate()), "rb") as stream:
        digest = hashlib.file_digest(stream, file.hash.mode).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == file.hash.value
