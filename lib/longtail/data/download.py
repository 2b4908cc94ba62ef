"""Fetches an archive: from a folder that holds it, or from the first mirror that serves it completely."""

import hashlib
import http.client
import logging
import shutil
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from longtail.runtime import files
from longtail.runtime.errors import InputError

log = logging.getLogger(__name__)
CHUNK = 1 << 20
TIMEOUT = 60
CHECKSUMS = ("md5", "sha256")
DATA_DIR = "or put the file into a folder and name that folder as the data set's data_dir"


def fetch(path: Path | str, archive: dict[str, Any], data_dir: str | None, remedy: str = DATA_DIR) -> None:
    """Put the archive described by `file`, `md5` and `urls` at `path`, and verify its checksum if it has one.

    Instead of an md5 it may have a `sha256`, or the beginning of one. An interrupted download continues from the
    `.part` file beside `path`. `remedy` is what to do if there is no network.
    Raises InputError if the file in `data_dir` has the wrong checksum or no mirror serves the right file.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    held = Path(data_dir or "") / archive["file"]
    if data_dir is not None and held.is_file():
        if wrong := _wrong(held, archive):
            raise InputError(f"{held} has {wrong}: it is cut short or not the official archive; replace or remove it")
        log.info("taken from %s", held)
        with open(held, "rb") as source, files.whole(path) as target:
            shutil.copyfileobj(source, target, CHUNK)
        return
    part = path.with_name(path.name + ".part")
    failures = []
    for url in archive["urls"]:
        try:
            _download(url, part)
        except (OSError, ValueError, http.client.HTTPException) as error:
            failures.append(f"{url}: {getattr(error, 'reason', error)}")
            log.warning("%s", failures[-1])
            continue
        if not (wrong := _wrong(part, archive)):
            part.replace(path)
            return
        failures.append(f"{url}: {wrong}")
        log.warning("%s", failures[-1])
        part.unlink()
    raise InputError(f"no mirror served {archive['file']} ({'; '.join(failures)}): try again later, {remedy}")


def _download(url: str, part: Path) -> None:
    """Append the missing bytes to `part`."""
    held = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={held}-"} if held else {})
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code == 416:  # there are no further bytes: the checksum decides
            return
        raise
    with response, open(part, "ab" if response.status == 206 else "wb") as target:
        expected = response.length
        log.info("%s: %s bytes to come", url, expected)
        before = target.tell()
        shutil.copyfileobj(response, target, CHUNK)
        if expected is not None and target.tell() - before < expected:
            raise OSError(f"the connection broke off after {target.tell() - before} of {expected} bytes")


def _wrong(path: Path, archive: dict[str, Any]) -> str:
    """The checksum of a file and the expected one, if they differ; empty if it is right, or if none is expected."""
    for kind in CHECKSUMS:
        if expected := archive.get(kind):
            with open(path, "rb") as handle:
                actual = hashlib.file_digest(handle, kind).hexdigest()
            return "" if actual.startswith(expected) else f"{kind} {actual}, not {expected}"
    return ""
