"""Chromium without a window, spoken to over two pipes by its debugging protocol: one JSON object after another, each ended by a NUL."""
import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

SECONDS = 60


class Chromium:
    """Events that came are in .events."""

    def __init__(self):
        self.profile = tempfile.mkdtemp(prefix="xdpf-chromium-")
        to_it, self.to = os.pipe()
        self.from_, from_it = os.pipe()
        self.rest, self.number, self.events, self.session = b"", 0, [], None

        def pipes():
            # the numbers that it expects; by ways of others, so that neither is lost
            high = [os.dup2(fd, 200 + i) for i, fd in enumerate((to_it, from_it))]
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        self.process = subprocess.Popen(
            ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-pipe", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--user-data-dir=" + self.profile, "about:blank"],
            close_fds=False, preexec_fn=pipes, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_it)
        os.close(from_it)
        page = next(t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page")
        self.session = self.call("Target.attachToTarget", targetId=page["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(domain + ".enable")

    def close(self):
        os.close(self.to)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.profile, ignore_errors=True)

    def message(self):
        end = time.monotonic() + SECONDS
        while b"\0" not in self.rest:
            if not select.select([self.from_], [], [], max(0, end - time.monotonic()))[0]:
                raise RuntimeError("the browser says nothing")
            more = os.read(self.from_, 1 << 20)
            if not more:
                raise RuntimeError("the browser has ended")
            self.rest += more
        one, self.rest = self.rest.split(b"\0", 1)
        return json.loads(one)

    def call(self, method, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        while True:
            got = self.message()
            if got.get("id") == self.number:
                if "error" in got:
                    raise RuntimeError("%s: %s" % (method, got["error"]))
                return got["result"]
            self.events.append(got)

    def value(self, expression):
        done = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in done:
            raise RuntimeError("%s: %s" % (expression[:80], done["exceptionDetails"]))
        return done["result"].get("value")

    def open(self, url, width, height, scheme):
        self.events.clear()
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.call("Page.navigate", url=url)
        while not any(e.get("method") == "Page.loadEventFired" for e in self.events):
            self.events.append(self.message())
        self.value("1")

    def complaints(self):
        """What the console, the log and the network say."""
        out = []
        for e in self.events:
            method, params = e.get("method"), e.get("params", {})
            if method == "Log.entryAdded":
                out.append(params["entry"]["text"])
            elif method in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown"):
                out.append(json.dumps(params)[:300])
            elif method == "Network.requestWillBeSent" and params["type"] != "Document" and not params["request"]["url"].startswith("data:"):
                out.append("it asks for %s" % params["request"]["url"])
        return out

    def picture(self, path):
        height = self.value("Math.min(6000, document.documentElement.scrollHeight)")
        width = self.value("document.documentElement.clientWidth")
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True,
                         clip={"x": 0, "y": 0, "width": width, "height": height, "scale": 1})["data"]
        with open(path, "wb") as f:
            f.write(base64.b64decode(data))
        return os.path.getsize(path)
