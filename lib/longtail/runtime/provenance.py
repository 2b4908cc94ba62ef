"""The code, versions and machine that made a result."""

import functools
import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

from longtail.runtime.fingerprint import ROOT

PACKAGES = ("torch", "torchvision", "numpy", "snakemake")


@functools.cache
def commit() -> str:
    """The checkout's commit, with `-dirty` if tracked files differ from it; `unknown` outside git.

    Files below `results/` are ignored: they are made from the rest, and publishing replaces tracked files there.
    """
    name = _git("describe", "--always", "--abbrev=12", "--exclude=*").stdout.strip()
    if not name:
        return "unknown"
    differs = _git("diff", "--quiet", "HEAD", "--", ".", ":(exclude)results").returncode
    return f"{name}-dirty" if differs else name


def _git(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False)


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that results depend on, as far as they are installed."""
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def processor() -> str:
    """The CPU's model name and the cores this process may use."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        models = [line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        name = models[0] if models else name
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{name}, {cores} cores"


def shown(path: Path) -> str:
    """A path for messages and records: relative to the project's root or the working directory if it is below one."""
    folder = next((folder for folder in (ROOT, Path.cwd()) if path.is_relative_to(folder)), None)
    return str(path.relative_to(folder) if folder else path)


def machine() -> dict[str, Any]:
    """Commit, versions and processor of this process."""
    return {"commit": commit(), "versions": versions(), "processor": processor()}
