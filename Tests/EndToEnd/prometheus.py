"""Debian's Prometheus and promtool, unpacked beside the build: nothing is installed, so nothing is started."""

import http.client
import json
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.parse

from daemon import ROOT

DIRECTORY = ROOT / ".build" / "prometheus"
START_SECONDS = 60


def binary(name):
    """The path of `prometheus` or `promtool`."""
    if found := shutil.which(name):
        return found
    path = DIRECTORY / "usr" / "bin" / name
    if not path.exists():
        DIRECTORY.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="tdxd-test-") as directory:
            # Whoever fetches for apt must be able to write there.
            pathlib.Path(directory).chmod(0o777)
            download = ["apt-get", "-qq", "download", "prometheus"]
            if subprocess.run(download, cwd=directory).returncode != 0:
                # The lists of packages are old, or not there.
                subprocess.run(["apt-get", "-qq", "update"], check=True)
                subprocess.run(download, cwd=directory, check=True)
            for package in pathlib.Path(directory).glob("*.deb"):
                subprocess.run(["dpkg", "-x", package, DIRECTORY], check=True)
    return str(path)


def check(text):
    """What `promtool check metrics` says of an exposition; empty when nothing."""
    done = subprocess.run(
        [binary("promtool"), "check", "metrics"], input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = done.stdout.decode().strip()
    assert done.returncode == 0 or said, f"promtool ended with {done.returncode}"
    return said


class Prometheus:
    """A server on loopback that scrapes one target every 200 ms and keeps what it sees for as long as the test."""

    def __init__(self, target, scheme="http", tls=None):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="tdxd-test-"))
        job = {
            "job_name": "tdxd", "scheme": scheme, "scrape_interval": "200ms", "scrape_timeout": "200ms",
            "static_configs": [{"targets": [target]}],
        }
        if tls:
            job["tls_config"] = tls
        # JSON is YAML.
        self.config = self.directory / "prometheus.yml"
        self.config.write_text(json.dumps({"scrape_configs": [job]}))

    def __enter__(self):
        self.log = open(self.directory / "log", "w+")
        self.process = subprocess.Popen(
            [
                binary("prometheus"), f"--config.file={self.config}", f"--storage.tsdb.path={self.directory / 'data'}",
                f"--web.listen-address=127.0.0.1:{self.port}", "--storage.tsdb.retention.time=1h",
                "--log.level=warn",
            ],
            stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL, cwd=self.directory,
        )
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.log.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def ask(self, path, **parameters):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", f"/api/v1/{path}?{urllib.parse.urlencode(parameters)}")
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def wait(self, look, what):
        """What `look` returns, once it is something."""
        deadline = time.monotonic() + START_SECONDS
        last = None
        while time.monotonic() < deadline:
            assert self.process.poll() is None, (self.directory / "log").read_text()
            try:
                if last := look():
                    return last
            except (OSError, ValueError, http.client.HTTPException) as error:
                last = error
            time.sleep(0.1)
        raise AssertionError(f"{what} did not come about: {last}, {self.ask('targets')}")

    def target(self):
        """The target, once it has been scraped."""
        return self.wait(
            lambda: next((t for t in self.ask("targets")["data"]["activeTargets"] if t["health"] != "unknown"), None),
            "a scrape")

    def value(self, query):
        """The value of a query with one result; None without any."""
        found = self.ask("query", query=query)["data"]["result"]
        assert len(found) < 2, found
        return float(found[0]["value"][1]) if found else None
