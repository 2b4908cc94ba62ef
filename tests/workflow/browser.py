"""A headless Chromium that opens one page, driven over its DevTools protocol through two pipes."""

import base64
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
# Pages get no network, whatever they ask for.
OFFLINE = "--host-resolver-rules=MAP * ~NOTFOUND"
# As root Chromium has no sandbox; containers have a small /dev/shm.
OPTIONS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", OFFLINE)


def program() -> str | None:
    """The path of Chromium, if it is installed."""
    return next((path for name in PROGRAMS if (path := shutil.which(name))), None)


class Page:
    """A page, with what it asked of the network, and the errors in its console, since it was opened."""

    def __init__(self, commands: int, answers: int) -> None:
        self.requests: list[str] = []
        self.errors: list[str] = []
        self._commands, self._answers = commands, answers
        self._received = b""
        self._number = 0
        self._session: dict[str, str] = {}

    def open(self, path: Path) -> None:
        """Open a file of this machine, and wait until it is loaded."""
        target = self._do("Target.createTarget", url="about:blank")["targetId"]
        attached = self._do("Target.attachToTarget", targetId=target, flatten=True)
        self._session = {"sessionId": attached["sessionId"]}
        for domain in ("Page", "Network", "Runtime", "Log"):
            self._do(f"{domain}.enable")
        size = {"width": 1600, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
        self._do("Emulation.setDeviceMetricsOverride", **size)
        self._do("Page.navigate", url=path.resolve().as_uri())
        self.wait_until("document.readyState == 'complete'")

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page, awaited if it is a promise."""
        done = self._do("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in done:
            raise AssertionError(f"{expression}: {done['exceptionDetails']}")
        return done["result"].get("value")

    def wait_until(self, expression: str, seconds: float = 30) -> None:
        """Wait until a JavaScript expression is true."""
        end = time.monotonic() + seconds
        while not self.evaluate(expression):
            assert time.monotonic() < end, f"never true: {expression}"
            time.sleep(0.05)

    def screenshot(self, path: Path) -> None:
        """Save what is visible as PNG."""
        path.write_bytes(base64.b64decode(self._do("Page.captureScreenshot", format="png")["data"]))

    def _do(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command and return its result; events that come before it are kept."""
        self._number += 1
        command = {"id": self._number, "method": method, "params": parameters, **self._session}
        os.write(self._commands, json.dumps(command).encode() + b"\0")
        while True:
            message = self._next()
            if message.get("id") == self._number:
                assert "error" not in message, f"{method}: {message['error']}"
                result: dict[str, Any] = message["result"]
                return result
            self._note(message)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._received:
            ready, _, _ = select.select([self._answers], [], [], 60)
            assert ready, "Chromium does not answer"
            chunk = os.read(self._answers, 1 << 20)
            assert chunk, "Chromium has ended"
            self._received += chunk
        first, self._received = self._received.split(b"\0", 1)
        message: dict[str, Any] = json.loads(first)
        return message

    def _note(self, event: dict[str, Any]) -> None:
        parameters = event.get("params", {})
        match event.get("method"):
            case "Network.requestWillBeSent":
                self.requests.append(parameters["request"]["url"])
            case "Runtime.exceptionThrown":
                details = parameters["exceptionDetails"]
                self.errors.append(details.get("exception", {}).get("description") or details["text"])
            case "Runtime.consoleAPICalled" if parameters["type"] in ("error", "assert"):
                self.errors.append(" ".join(str(value.get("value", value)) for value in parameters["args"]))
            case "Log.entryAdded" if parameters["entry"]["level"] == "error":
                self.errors.append(parameters["entry"]["text"])


@contextmanager
def opened(path: Path, profile: Path) -> Iterator[Page]:
    """A page in a browser of its own, with an empty `profile` folder; the browser ends with the block."""
    commands, its_commands = os.pipe()[::-1]
    answers, its_answers = os.pipe()
    # Chromium reads its commands from file 3 and writes its answers to file 4.
    start = f'exec "$0" "$@" 3<&{its_commands} 4>&{its_answers}'
    options = [*OPTIONS, f"--user-data-dir={profile}", "--remote-debugging-pipe", "about:blank"]
    browser = subprocess.Popen(
        ["bash", "-c", start, program() or "chromium", *options],
        pass_fds=(its_commands, its_answers),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(its_commands)
    os.close(its_answers)
    try:
        page = Page(commands, answers)
        page.open(path)
        yield page
    finally:
        browser.terminate()
        browser.wait(timeout=30)
        os.close(commands)
        os.close(answers)
