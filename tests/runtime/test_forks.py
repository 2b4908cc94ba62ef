"""Scripts whose work a fork of a server does: they end as if they had done it themselves."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from longtail.runtime import forks
from longtail.runtime.parts import LIB

SECONDS = 60
START = "import sys; sys.path.insert(0, {!r}); from longtail.runtime import forks; {}\n"
Script = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def owner() -> Iterator["subprocess.Popen[str]"]:
    """A process with which servers end."""
    with subprocess.Popen(["sleep", "600"], text=True) as process:
        yield process
        process.kill()


@pytest.fixture
def script(tmp_path: Path, owner: "subprocess.Popen[str]") -> Script:
    """Starts a script with these lines, whose work a fork does unless `forks` is empty."""
    (tmp_path / "forks").mkdir()

    def start(
        lines: str, *arguments: str, begin: str = "forks.pass_on(['wave'])", **environment: str
    ) -> "subprocess.Popen[str]":
        path = tmp_path / "script.py"
        path.write_text(START.format(str(LIB.parent), begin) + lines)
        own = {forks.FOLDER: str(tmp_path / "forks"), forks.OWNER: str(owner.pid)} | environment
        return subprocess.Popen(
            [sys.executable, str(path), *arguments],
            cwd=tmp_path,
            env={name: value for name, value in os.environ.items() if name != forks.FOLDER} | own,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # A shell lets its background processes, and so these tests, ignore Ctrl-C.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )

    return start


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def exists(process: int) -> bool:
    """Whether a process exists and is no zombie."""
    try:
        return ") Z" not in Path(f"/proc/{process}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def parent(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[1])


def servers(folder: Path) -> list[int]:
    """The servers whose sockets are in a folder, while no job runs."""
    found = subprocess.run(["pgrep", "-f", f"fork_server.py [0-9]+ {folder}/"], capture_output=True, text=True)
    return [int(line) for line in found.stdout.split()]


def test_a_fork_has_the_streams_folder_environment_and_arguments_of_its_script(
    script: Script, tmp_path: Path
) -> None:
    lines = (
        "import os; print(os.getpid(), os.getcwd(), sys.argv[1:], os.environ['WORD'], input(), 'wave' in sys.modules)"
    )
    running = script(lines, "a b", WORD="ä")
    out, err = running.communicate("a line\n")
    process, *rest = out.split(maxsplit=1)
    assert rest == [f"{tmp_path} ['a b'] ä a line True\n"]
    assert (running.returncode, err) == (0, "")
    assert int(process) != running.pid


def test_all_forks_come_from_one_server_that_ends_with_its_owner(
    script: Script, tmp_path: Path, owner: "subprocess.Popen[str]"
) -> None:
    assert [script("").wait() for _ in range(3)] == [0, 0, 0]
    (server,) = servers(tmp_path / "forks")
    owner.kill()
    owner.wait()
    until(lambda: not exists(server))
    assert not (tmp_path / "forks").exists()


def test_scripts_that_start_together_start_one_server(script: Script, tmp_path: Path) -> None:
    for running in [script("") for _ in range(4)]:
        assert running.wait() == 0
    assert len(servers(tmp_path / "forks")) == 1


def test_another_number_of_threads_has_another_server(script: Script, tmp_path: Path) -> None:
    assert [script("", OMP_NUM_THREADS=n).wait() for n in ("1", "2")] == [0, 0]
    assert len(servers(tmp_path / "forks")) == 2


@pytest.mark.parametrize(
    ("lines", "code", "printed"),
    [
        ("sys.exit(3)", 3, ""),
        ("sys.exit()", 0, ""),
        ("sys.exit('a sentence')", 1, "a sentence\n"),
        ("raise ValueError('a defect')", 1, "ValueError: a defect\n"),
        ("import os; os.kill(os.getpid(), 9)", -9, ""),
        ("import os; os.kill(os.getpid(), 15)", -15, ""),
        ("import atexit; atexit.register(print, 'at the end', file=sys.stderr)", 0, "at the end\n"),
        (
            "import threading; threading.Thread(target=print, args=['thread'], kwargs={'file': sys.stderr}).start()",
            0,
            "thread\n",
        ),
    ],
)
def test_a_script_ends_as_its_fork(script: Script, lines: str, code: int, printed: str) -> None:
    running = script(lines)
    _, err = running.communicate()
    assert running.returncode == code
    assert err.endswith(printed) if printed else not err


def test_the_code_of_a_job_is_read_when_it_starts(script: Script, tmp_path: Path) -> None:
    for word in ("old", "new!"):
        (tmp_path / "helper.py").write_text(f"WORD = {word!r}")
        assert script("import helper; print(helper.WORD)").communicate()[0] == f"{word}\n"


WAITS = """
import os, signal, time
from pathlib import Path
def note(number, frame):
    print("signal", number, flush=True)
    sys.exit(100 + number)
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
    signal.signal(number, note)
Path("started.new").write_text(str(os.getpid()))
Path("started.new").rename("started")
time.sleep(600)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_signals_reach_the_fork(script: Script, tmp_path: Path, number: signal.Signals) -> None:
    running = script(WAITS)
    until((tmp_path / "started").exists)
    running.send_signal(number)
    out, _ = running.communicate(timeout=SECONDS)
    assert (out, running.returncode) == (f"signal {number.value}\n", 100 + number)


def test_a_killed_script_takes_its_fork_along(script: Script, tmp_path: Path) -> None:
    running = script(WAITS)
    until((tmp_path / "started").exists)
    job = int((tmp_path / "started").read_text())
    assert exists(job)
    running.kill()
    running.communicate()
    until(lambda: not exists(job))


def test_a_killed_server_ends_no_job_and_the_next_one_has_another(script: Script, tmp_path: Path) -> None:
    running = script(WAITS)
    until((tmp_path / "started").exists)
    watcher = parent(int((tmp_path / "started").read_text()))
    os.kill(parent(watcher), signal.SIGKILL)
    (tmp_path / "started").unlink()
    second = script(WAITS)
    until((tmp_path / "started").exists)
    for one in (running, second):
        one.send_signal(signal.SIGTERM)
        assert one.wait(SECONDS) == 100 + signal.SIGTERM


@pytest.mark.parametrize("folder", ["", "/no/such/folder", "/tmp/" + 120 * "x"])
def test_without_a_server_a_script_does_its_work_itself(script: Script, folder: str) -> None:
    running = script("import os; print(os.getpid())", **{forks.FOLDER: folder})
    out, err = running.communicate()
    assert (int(out), running.returncode, err) == (running.pid, 0, "")


def test_a_server_imports_for_later_jobs_while_a_script_works_itself(script: Script, tmp_path: Path) -> None:
    first = script("import os; print(os.getpid())", begin="forks.prepare(['wave'])")
    assert int(first.communicate()[0]) == first.pid
    (server,) = servers(tmp_path / "forks")
    assert script("print('wave' in sys.modules)").communicate()[0] == "True\n"
    assert servers(tmp_path / "forks") == [server]


def test_other_libraries_have_another_server(script: Script, tmp_path: Path) -> None:
    assert [script("", begin=f"forks.pass_on([{name!r}])").wait() for name in ("wave", "json")] == [0, 0]
    assert len(servers(tmp_path / "forks")) == 2
