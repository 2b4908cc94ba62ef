import hashlib
import http.server
import random
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from longtail.data import download
from longtail.runtime.errors import InputError

CONTENT = random.Random(0).randbytes(300_000)
HALF = len(CONTENT) // 2
MD5 = hashlib.md5(CONTENT).hexdigest()


class Mirror(http.server.BaseHTTPRequestHandler):
    """A server whose paths are its manners; it notes each path asked for with the Range that came along."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        wanted = self.headers["Range"]
        self.server.asked.append((self.path, wanted))
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.path != "/no-range" else 0
        if self.path == "/missing":
            self.send_error(404)
        elif self.path == "/chunked-broken":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"%x\r\n" % len(CONTENT) + CONTENT[:HALF])
            self.close_connection = True
        elif self.path == "/nonsense":
            self.wfile.write(b"good day\r\n\r\n")
            self.close_connection = True
        elif start >= len(CONTENT):
            self.send_error(416)
        else:
            content = bytes(len(CONTENT)) if self.path == "/wrong" else CONTENT
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            self.wfile.write(content[start : HALF if self.path == "/broken" else None])
            self.close_connection = True

    def log_message(self, *args):
        """Say nothing."""


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mirror) as server:
        server.asked = []
        server.base = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "cifar10" / "archive.tar.gz"


@pytest.fixture
def part(path):
    path.parent.mkdir(parents=True)
    return path.with_name("archive.tar.gz.part")


def archive(server, *mirrors: str):
    return {"file": "archive.tar.gz", "md5": MD5, "urls": [f"{server.base}/{name}" for name in mirrors]}


def assert_only(path):
    assert path.read_bytes() == CONTENT
    assert list(path.parent.iterdir()) == [path]


def test_whole_download(server: Any, path: Any) -> None:
    download.fetch(path, archive(server, "good"), None)
    assert_only(path)
    assert server.asked == [("/good", None)]


def test_broken_off_download_goes_on_where_it_stopped(server: Any, path: Any, part: Any) -> None:
    part.write_bytes(CONTENT[:1000])
    download.fetch(path, archive(server, "good"), None)
    assert_only(path)
    assert server.asked == [("/good", "bytes=1000-")]


def test_server_that_cannot_go_on_sends_everything_again(server: Any, path: Any, part: Any) -> None:
    part.write_bytes(CONTENT[:1000])
    download.fetch(path, archive(server, "no-range"), None)
    assert_only(path)


def test_second_mirror_goes_on_where_the_first_broke_off(server: Any, path: Any) -> None:
    download.fetch(path, archive(server, "broken", "good"), None)
    assert_only(path)
    assert server.asked == [("/broken", None), ("/good", f"bytes={HALF}-")]


def test_partial_file_is_all_that_a_failure_leaves(server: Any, path: Any, part: Any) -> None:
    with pytest.raises(InputError, match=rf"/broken: the connection broke off after {HALF} of {len(CONTENT)} bytes"):
        download.fetch(path, archive(server, "broken"), None)
    assert list(path.parent.iterdir()) == [part]
    assert part.read_bytes() == CONTENT[:HALF]
    download.fetch(path, archive(server, "good"), None)
    assert_only(path)


@pytest.mark.parametrize("first", ["missing", "chunked-broken", "nonsense", "wrong"])
def test_mirror_that_fails_is_passed_over(server: Any, path: Any, first: str) -> None:
    download.fetch(path, archive(server, first, "good"), None)
    assert_only(path)
    assert [asked for asked, _ in server.asked] == [f"/{first}", "/good"]


def test_server_that_is_not_there_is_passed_over(server: Any, path: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        urls = [f"http://127.0.0.1:{taken.getsockname()[1]}/good", f"{server.base}/good"]
        download.fetch(path, archive(server) | {"urls": urls}, None)
    assert_only(path)


def test_wrong_content_from_every_mirror_names_the_remedy(server: Any, path: Any) -> None:
    says = rf"no mirror served archive\.tar\.gz .*md5 \w+, not {MD5}.*data_dir"
    with pytest.raises(InputError, match=says) as caught:
        download.fetch(path, archive(server, "wrong", "missing", "wrong"), None)
    assert str(caught.value).count("/wrong: md5") == 2
    assert "/missing: Not Found" in str(caught.value)
    assert list(path.parent.iterdir()) == []


def test_partial_file_that_is_whole_is_taken(server: Any, path: Any, part: Any) -> None:
    part.write_bytes(CONTENT)
    download.fetch(path, archive(server, "good"), None)
    assert_only(path)


@pytest.mark.parametrize("stale", [bytes(1000), bytes(len(CONTENT) + 5)])
def test_partial_file_of_something_else_is_dropped(server: Any, path: Any, part: Any, stale: bytes) -> None:
    part.write_bytes(stale)
    download.fetch(path, archive(server, "good", "good"), None)
    assert_only(path)


def test_archive_in_data_dir_is_copied(server: Any, path: Any, tmp_path: Path) -> None:
    held = tmp_path / "held" / "archive.tar.gz"
    held.parent.mkdir()
    held.write_bytes(CONTENT)
    download.fetch(path, archive(server, "good"), str(held.parent))
    assert_only(path)
    assert held.read_bytes() == CONTENT
    assert server.asked == []


def test_wrong_archive_in_data_dir_is_refused(server: Any, path: Any, tmp_path: Path) -> None:
    held = tmp_path / "held" / "archive.tar.gz"
    held.parent.mkdir()
    held.write_bytes(CONTENT[:-1])
    with pytest.raises(InputError, match=rf"held/archive\.tar\.gz has md5 \w+, not {MD5}"):
        download.fetch(path, archive(server, "good"), str(held.parent))
    assert list(path.parent.iterdir()) == []
    assert server.asked == []


def test_data_dir_without_the_archive_leads_to_the_mirrors(server: Any, path: Any, tmp_path: Path) -> None:
    download.fetch(path, archive(server, "good"), str(tmp_path))
    assert_only(path)
    assert server.asked == [("/good", None)]


def test_an_archive_without_a_checksum_is_taken_as_it_comes(server: Any, path: Any, tmp_path: Path) -> None:
    unpinned = {key: value for key, value in archive(server, "broken", "good").items() if key != "md5"}
    download.fetch(path, unpinned, None)
    assert_only(path)
    held = tmp_path / "held"
    held.mkdir()
    (held / "archive.tar.gz").write_bytes(b"mine")
    download.fetch(path, unpinned, str(held))
    assert path.read_bytes() == b"mine"


def test_a_sha256_may_be_known_by_its_beginning(server: Any, path: Any) -> None:
    known = {key: value for key, value in archive(server, "wrong", "good").items() if key != "md5"}
    download.fetch(path, known | {"sha256": hashlib.sha256(CONTENT).hexdigest()[:8]}, None)
    assert_only(path)
    path.unlink()
    with pytest.raises(InputError, match=r"sha256 \w+, not 00000000\): try again later, or name a file"):
        download.fetch(path, known | {"sha256": "0" * 8, "urls": known["urls"][:1]}, None, "or name a file")
