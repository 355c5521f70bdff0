"""Chromium, driven by its own protocol over two pipes: no port, no other program."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

PROGRAM: Final = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
WAIT: Final = 60.0  # seconds; only a safety net
_FLAGS: Final = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars"),
    *("--disable-extensions", "--force-color-profile=srgb", "--remote-debugging-pipe"),
)
# the protocol wants its pipes at 3 and 4, and Python gives what numbers are free
_PLACE_PIPES: Final = (
    "import fcntl, os, sys\n"
    "ends = [fcntl.fcntl(int(number), fcntl.F_DUPFD, 10) for number in sys.argv[1:3]]\n"
    "os.dup2(ends[0], 3), os.dup2(ends[1], 4)\n"
    "os.execv(sys.argv[3], sys.argv[3:])\n"
)
_CODES: Final[dict[str, int]] = {"Enter": 13, "Tab": 9, "Space": 32, "End": 35, "Home": 36}
_CODES.update(ArrowLeft=37, ArrowUp=38, ArrowRight=39, ArrowDown=40)


class PageError(Exception):
    """What was asked of the page has failed."""


class Browser:
    """One page in a headless Chromium, and all that it has complained about or asked the network for."""

    def __init__(self, home: Path) -> None:
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        command = (sys.executable, "-c", _PLACE_PIPES, str(theirs_in), str(theirs_out), str(PROGRAM), *_FLAGS)
        self._process = subprocess.Popen(
            (*command, f"--user-data-dir={home}", "about:blank"),
            pass_fds=(theirs_in, theirs_out),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": str(home)},
            start_new_session=True,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._rest = b""
        self._number = 0
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []
        target = next(each for each in self("Target.getTargets")["targetInfos"] if each["type"] == "page")
        self._session = self("Target.attachToTarget", targetId=target["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "DOM", "Accessibility"):
            self(f"{domain}.enable")

    def close(self) -> None:
        """End the browser and all its processes."""
        self._session = None
        with contextlib.suppress(PageError, OSError):
            self("Browser.close")
        os.close(self._out)
        os.close(self._in)
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def __call__(self, method: str, /, **parameters: Any) -> dict[str, Any]:
        """Ask for something and wait for the answer; what happens meanwhile is kept in `events`."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        until = time.monotonic() + WAIT
        while True:
            answer = self._message(until)
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise PageError(f"{method}: {answer['error']['message']}")
                result: dict[str, Any] = answer["result"]
                return result

    def _message(self, until: float) -> dict[str, Any]:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._in], [], [], max(0.0, until - time.monotonic()))
            chunk = os.read(self._in, 1 << 20) if ready else b""
            if not chunk:
                raise PageError("the browser does not answer")
            self._rest += chunk
        line, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        if "method" in message:
            self.events.append(message)
        return message

    def open(self, page: Path) -> None:
        """Load a page and wait until it stands."""
        self("Page.navigate", url="about:blank")
        self.events.clear()
        self("Page.navigate", url=page.as_uri())
        self.wait_for(f"location.href === {json.dumps(page.as_uri())} && document.readyState === 'complete'")
        self.settle()

    def wait_for(self, condition: str) -> None:
        """Wait until an expression in the page is true; a page that is just being loaded again tells nothing."""
        until = time.monotonic() + WAIT
        while not self._is_so(condition):
            if time.monotonic() > until:
                raise PageError(f"in vain: {condition}")

    def _is_so(self, condition: str) -> bool:
        try:
            return bool(self.js(condition))
        except PageError as error:
            if "navigated" in str(error) or "context" in str(error):
                return False
            raise

    def settle(self, milliseconds: int = 0) -> None:
        """Wait until what was asked for has been drawn; what waits for a reader's pause needs some time more."""
        frames = "() => requestAnimationFrame(() => requestAnimationFrame(done))"
        self.js(f"new Promise(done => setTimeout({frames}, {milliseconds}))")

    def js(self, expression: str) -> Any:
        """Give the value of an expression in the page; what it throws is raised."""
        done = self("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in done:
            raise PageError(json.dumps(done["exceptionDetails"])[:2000])
        return done["result"].get("value")

    def size(self, width: int, height: int, *, phone: bool = False) -> None:
        """Give the page another size."""
        self("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)

    def prefer(self, **features: str) -> None:
        """Set what the reader's system prefers, such as `color_scheme="dark"`."""
        values = [{"name": f"prefers-{key.replace('_', '-')}", "value": value} for key, value in features.items()]
        self("Emulation.setEmulatedMedia", features=values)

    def press(self, *keys: str) -> None:
        """Press keys, one after another, as a person would."""
        for key in keys:
            text = {"Enter": "\r", "Space": " "}.get(key, key if len(key) == 1 else "")
            name = {"Space": " "}.get(key, key)
            code = {"Enter": 13, "Tab": 9, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}.get(
                key, 0
            )
            values = {"key": name, "windowsVirtualKeyCode": code}
            self("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", text=text, **values)
            self("Input.dispatchKeyEvent", type="keyUp", **values)

    def picture(self, file: Path) -> None:
        """Write what is seen as PNG."""
        file.write_bytes(base64.b64decode(self("Page.captureScreenshot")["data"]))

    def complaints(self) -> list[str]:
        """List errors and warnings of the console, and what went wrong in scripts."""
        found = []
        for event in self.events:
            values = event["params"]
            if event["method"] == "Log.entryAdded" and values["entry"]["level"] in ("error", "warning"):
                found.append(values["entry"]["text"])
            elif event["method"] == "Runtime.consoleAPICalled":
                found.append(str(values["args"]))
            elif event["method"] == "Runtime.exceptionThrown":
                found.append(json.dumps(values["exceptionDetails"])[:1000])
            elif event["method"] == "Page.javascriptDialogOpening":
                found.append(f"dialog: {values['message']}")
        return found

    def requests(self) -> list[str]:
        """List all addresses that were asked for beside the page itself."""
        asked = [e["params"]["request"]["url"] for e in self.events if e["method"] == "Network.requestWillBeSent"]
        return [url for url in asked[1:] if url != "data:,"]

    def accessible(self) -> list[dict[str, Any]]:
        """Give what the accessibility tree tells, ignored nodes left out."""
        nodes: Sequence[dict[str, Any]] = self("Accessibility.getFullAXTree")["nodes"]
        return [node for node in nodes if not node["ignored"]]
