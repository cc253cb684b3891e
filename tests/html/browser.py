# SPDX-License-Identifier: GPL-2.0-or-later
"""A headless chromium, driven through its DevTools protocol (package python3-websocket)."""

import base64
import itertools
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request

try:
    import websocket
except ImportError:
    websocket = None

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


def why_not():
    """Why there is no browser to drive, or None."""
    if websocket is None:
        return "python3-websocket is not installed"
    if not any(map(shutil.which, PROGRAMS)):
        return "chromium is not installed"
    return None


class Page:
    """A tab. What it says on its console, and what it asks the network for, is kept."""
    def __init__(self, url):
        self.socket = websocket.create_connection(url, timeout=60, suppress_origin=True)
        self.numbers = itertools.count(1)
        self.complaints, self.requests, self.loads = [], [], 0
        for domain in ("Page", "Runtime", "Log", "Network", "Accessibility", "DOM"):
            self.send(f"{domain}.enable")
        # else a page behind another gets no focus events
        self.send("Emulation.setFocusEmulationEnabled", enabled=True)

    def note(self, message):
        method, params = message.get("method"), message.get("params", {})
        if method == "Log.entryAdded":
            self.complaints.append(params["entry"]["text"])
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(params["exceptionDetails"])[:500])
        elif method == "Runtime.consoleAPICalled":
            self.complaints.append(json.dumps(params["args"])[:500])
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Page.loadEventFired":
            self.loads += 1

    def receive(self):
        message = json.loads(self.socket.recv())
        self.note(message)
        return message

    def send(self, method, **params):
        number = next(self.numbers)
        self.socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            message = self.receive()
            if message.get("id") == number:
                assert "error" not in message, f"{method}: {message['error']}"
                return message["result"]

    def open(self, url):
        self.complaints.clear()
        self.requests.clear()
        loads = self.loads
        self.send("Page.navigate", url=url)
        while self.loads == loads:
            self.receive()
        # what is logged behind the load event comes before this answer
        self.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")

    def evaluate(self, expression):
        result = self.send("Runtime.evaluate", expression=expression, awaitPromise=True,
                           returnByValue=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def key(self, key, text=None, shift=False):
        codes = {"Enter": 13, "Tab": 9, "Escape": 27, " ": 32, "ArrowLeft": 37, "ArrowUp": 38,
                 "ArrowRight": 39, "ArrowDown": 40}
        text = {"Enter": "\r", " ": " "}.get(key, text)
        common = {"key": key, "windowsVirtualKeyCode": codes.get(key, 0),
                  "modifiers": 8 if shift else 0}
        if text:
            common["text"] = text
        self.send("Input.dispatchKeyEvent", type="keyDown", **common)
        self.send("Input.dispatchKeyEvent", type="keyUp", **common)

    def type(self, text):
        self.send("Input.insertText", text=text)

    def size(self, width, height, mobile=False):
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=mobile)

    def theme(self, name):
        self.send("Emulation.setEmulatedMedia",
                  features=[{"name": "prefers-color-scheme", "value": name}])

    def picture(self, path, clip=None):
        """A PNG of what is in sight, or of a part of the page: (x, y, width, height)."""
        params = {"format": "png"}
        if clip:
            params.update(clip=dict(zip(("x", "y", "width", "height"), clip), scale=1),
                          captureBeyondViewport=True)
        with open(path, "wb") as file:
            file.write(base64.b64decode(self.send("Page.captureScreenshot", **params)["data"]))


class Browser:
    """with Browser() as browser: page = browser.page()"""
    def __enter__(self):
        self.home = tempfile.mkdtemp(prefix="kmemstat-browser-")
        program = next(filter(None, map(shutil.which, PROGRAMS)))
        # a group of its own, so that none of its processes stays
        self.process = subprocess.Popen(
            [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync",
             "--force-color-profile=srgb", "--hide-scrollbars", "--disable-lcd-text",
             "--remote-debugging-port=0",
             f"--user-data-dir={self.home}", "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True, env={**os.environ, "HOME": self.home})
        self.port = self.wait_for_port()
        return self

    def wait_for_port(self):
        for _ in range(600):
            try:
                with open(f"{self.home}/DevToolsActivePort", encoding="ascii") as file:
                    return int(file.readline())
            except (FileNotFoundError, ValueError):
                assert self.process.poll() is None, "the browser has ended"
                time.sleep(0.1)
        raise AssertionError("the browser does not come up")

    def page(self):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/json/new?about:blank",
                                         method="PUT")
        with urllib.request.urlopen(request, timeout=60) as answer:
            return Page(json.load(answer)["webSocketDebuggerUrl"])

    def __exit__(self, *_):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        shutil.rmtree(self.home, ignore_errors=True)


def run_tests(names, wanted, is_shared=False):
    """Runs the functions test_NAME(page, folder) in `names` and tells TAP: all, or those `wanted`;
    each with a page and a folder of its own, or all with the same. -> exit status
    """
    reason = why_not()
    if reason:
        print(f"1..0 # SKIP {reason}")
        return 0
    tests = [(k[5:], v) for k, v in names.items() if k.startswith("test_")]
    tests = [(name, test) for name, test in tests if not wanted or name in wanted]
    print(f"1..{len(tests)}")
    failed, page = 0, None
    with Browser() as chromium, tempfile.TemporaryDirectory(prefix="kmemstat-html-") as tmp:
        for number, (name, test) in enumerate(tests, 1):
            if not page or not is_shared:
                page = chromium.page()
                page.size(1280, 900)
                page.theme("light")
            folder = pathlib.Path(tmp) / ("all" if is_shared else name)
            folder.mkdir(exist_ok=True)
            try:
                test(page, str(folder))
                print(f"ok {number} - {name.replace('_', ' ')}", flush=True)
            except Exception as error:  # whatever it is, the next test is to run
                failed += 1
                print(f"not ok {number} - {name.replace('_', ' ')}")
                print("# " + f"{type(error).__name__}: {error}"[:2000].replace("\n", "\n# "),
                      flush=True)
            if not is_shared:
                page.send("Page.close")
    return 1 if failed or not tests else 0
