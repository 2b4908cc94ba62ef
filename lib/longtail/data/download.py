"""Fetch an archive: from a folder that holds it already, or from the first mirror that serves it whole."""

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


def fetch(path: Path | str, archive: dict[str, Any], data_dir: str | None) -> None:
    """Put the archive described by `file`, `md5` and `urls` at `path`, its checksum verified where it has one.

    A download that broke off goes on from the `.part` file it left beside `path`.
    Raises InputError when the file in `data_dir` has the wrong checksum or no mirror served the right one.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    held = Path(data_dir or "") / archive["file"]
    if data_dir is not None and held.is_file():
        if (found := _mismatch(held, archive)) is not None:
            raise InputError(
                f"{held} has md5 {found}, not {archive['md5']}: it is cut short or not the official archive; "
                "replace or remove it"
            )
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
        if (found := _mismatch(part, archive)) is None:
            part.replace(path)
            return
        failures.append(f"{url}: md5 {found}, not {archive['md5']}")
        log.warning("%s", failures[-1])
        part.unlink()
    raise InputError(
        f"no mirror served {archive['file']} ({'; '.join(failures)}): try again later, or put the file into a "
        "folder and name that folder as the data set's data_dir"
    )


def _download(url: str, part: Path) -> None:
    """Append to `part` what is still missing of it."""
    held = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={held}-"} if held else {})
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code == 416:  # nothing beyond what is held: the checksum decides
            return
        raise
    with response, open(part, "ab" if response.status == 206 else "wb") as target:
        expected = response.length
        log.info("%s: %s bytes to come", url, expected)
        before = target.tell()
        shutil.copyfileobj(response, target, CHUNK)
        if expected is not None and target.tell() - before < expected:
            raise OSError(f"the connection broke off after {target.tell() - before} of {expected} bytes")


def _mismatch(path: Path, archive: dict[str, Any]) -> str | None:
    """The checksum of a file that is not the one wanted; None where it is, or none is known."""
    wanted = archive.get("md5")
    found = wanted and _md5(path)
    return None if found == wanted else found


def _md5(path: Path) -> str:
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "md5").hexdigest()
