"""Starts a tdxd of its own for a test, talks to it, and stops it. Nothing but the standard library."""

import http.client
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

from unix_http import UnixConnection

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("TDXD_BINARY", ROOT / ".build" / "debug" / "tdxd")).resolve()
# What tdxd logs when the fake module finds that the host owed something.
HAZARD = "A real machine would punish this"
START_SECONDS = 20
STOP_SECONDS = 60
REQUEST_SECONDS = 60


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.bytes = response.read()

    @property
    def json(self):
        return json.loads(self.bytes)

    def __repr__(self):
        return f"{self.status} {self.bytes.decode(errors='replace')[:2000]}"


class Client:
    """One connection, kept open. Not for more than one thread."""

    def __init__(self, connection):
        self.connection = connection

    def request(self, method, path, body=None, headers=None):
        headers = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        try:
            self.connection.request(method, path, body, headers)
        except BrokenPipeError:
            pass  # Refused before the whole body was sent; the answer is there all the same.
        return Answer(self.connection.getresponse())

    def get(self, path, **headers):
        return self.request("GET", path, headers=headers)

    def post(self, path, body=None, headers=None):
        return self.request("POST", path, {} if body is None else body, headers)

    def delete(self, path, headers=None):
        return self.request("DELETE", path, headers=headers)

    def items(self, path):
        """All items of a list, page after page."""
        items, cursor = [], None
        separator = "&" if "?" in path else "?"
        while True:
            page = self.get(path + separator + "limit=1000" + (f"&cursor={cursor}" if cursor else "")).json
            items += page["items"]
            cursor = page.get("nextCursor")
            if cursor is None:
                return items

    def capacity(self):
        """How much is free and held, without the revision, which only ever grows."""
        capacity = self.get("/host/capacity").json
        del capacity["revision"]
        return capacity

    def close(self):
        self.connection.close()


def broken_invariants(report):
    return [item for item in report["items"] if item["state"] == "broken"]


class Daemon:
    """`with Daemon("--fake-keyids", "3") as daemon: daemon.client()...`"""

    def __init__(self, *flags, plain_roles=(), environment=None, hazards=()):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="tdxd-test-"))
        self.socket = self.directory / "tdxd.sock"
        self.log_path = self.directory / "log"
        self.plain_roles = plain_roles
        # Rules that the test breaks on purpose; any other hazard is a failure.
        self.tolerated_hazards = set(hazards)
        self.flags = list(flags)
        self.environment = environment or {}
        self.process = None
        self.clients = []

    def __enter__(self):
        try:
            self.start()
        except BaseException as error:
            # What it says of a start that failed is no record, and it may still be about to end.
            self.__exit__(type(error))
            raise
        return self

    def __exit__(self, error=None, *_):
        for client in self.clients:
            client.close()
        try:
            if self.process is not None and self.process.poll() is None:
                broken = self.last_look() if error is None else []
                code = self.stop()
                if error is not None:
                    return
                if broken:
                    raise AssertionError(f"{len(broken)} invariants are broken, the first: {broken[0]}")
                hazards = [record["metadata"] for record in self.log() if record["message"] == HAZARD
                           and record["metadata"]["rule"] not in self.tolerated_hazards]
                if hazards:
                    raise AssertionError(f"the fake found {len(hazards)} hazards, the first: {hazards[0]}")
                # Nothing is under way any more, so there is no reason to end otherwise.
                if code != 0:
                    raise AssertionError(f"tdxd ended with {code}:\n{self.log_text()[-4000:]}")
        finally:
            shutil.rmtree(self.directory, ignore_errors=True)

    def last_look(self):
        """Broken invariants, of a daemon that still answers this test."""
        client = Client(UnixConnection(self.socket, REQUEST_SECONDS))
        try:
            answer = client.get("/invariants")
        except (OSError, http.client.HTTPException):
            return []
        finally:
            client.close()
        return broken_invariants(answer.json) if answer.status == 200 else []

    def start(self):
        plain = [part for role in self.plain_roles for part in ("--listen-plain", f"127.0.0.1:0,role={role}")]
        # Listeners are told apart by address and port: one port 0 per address.
        for index in range(1, len(plain), 2):
            plain[index] = plain[index].replace("127.0.0.1", f"127.0.0.{1 + index // 2}")
        command = [BINARY, "--module", "fake", "--socket", self.socket, "--log-format", "json", *plain]
        if "--images-directory" not in self.flags:
            command += ["--images-directory", self.directory / "images"]
        if "--state-directory" not in self.flags:
            command += ["--state-directory", self.directory / "state"]
        command += self.flags
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TDXD_")}
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [str(part) for part in command], stderr=log, stdin=subprocess.DEVNULL,
                env={**environment, **self.environment},
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"tdxd ended with {self.process.returncode}:\n{self.log_text()}")
            if len(self.places()) >= 1 + len(self.plain_roles) + self.flags.count("--listen-tls"):
                return
            time.sleep(0.02)
        raise AssertionError(f"tdxd did not start within {START_SECONDS} s:\n{self.log_text()}")

    def stop(self, signals=(signal.SIGTERM,)):
        """Sends the signals and returns the exit code, negative if a signal ended it."""
        for number in signals:
            self.process.send_signal(number)
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"tdxd did not stop within {STOP_SECONDS} s:\n{self.log_text()}") from None

    def log_text(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def records(self):
        """Whole lines on standard error so far: the log's, and the audit trail's unless that goes elsewhere."""
        return [json.loads(line) for line in self.log_text().split("\n")[:-1]]

    def log(self):
        """The log's records so far."""
        return [record for record in self.records() if record["message"] != "audit"]

    def wait_for_log(self, message, seconds=10, **metadata):
        """The first record with this message and these facts; fails when it does not come."""
        deadline = time.monotonic() + seconds
        while True:
            for record in self.log():
                if record["message"] == message and metadata.items() <= record.get("metadata", {}).items():
                    return record
            if time.monotonic() > deadline:
                raise AssertionError(f"no '{message}' {metadata} in the log:\n{self.log_text()[-4000:]}")
            time.sleep(0.05)

    def places(self):
        return [record["metadata"]["place"] for record in self.log() if record["message"] == "Listening"]

    def tls_port(self, index=0):
        """Of a listener that `--listen-tls` asked for; they come last."""
        return int(self.places()[1 + len(self.plain_roles) + index].rsplit(":", 1)[1])

    def client(self):
        """Over the Unix socket: as this user, an administrator."""
        client = Client(UnixConnection(self.socket, REQUEST_SECONDS))
        self.clients.append(client)
        return client

    def plain_client(self, role):
        """Over plain HTTP on loopback, with the role that its listener gives."""
        address, port = self.places()[1 + self.plain_roles.index(role)].rsplit(":", 1)
        client = Client(http.client.HTTPConnection(address, int(port), timeout=REQUEST_SECONDS))
        self.clients.append(client)
        return client


def create(client, vcpus=2, **members):
    """Creates a TD; returns its representation."""
    spec = {"maxVcpus": max(vcpus, 1), "vcpuCount": vcpus, **members.pop("spec", {})}
    answer = client.post("/tds", {"spec": spec, **members}, {"Prefer": "wait=30"})
    assert answer.status == 201, answer
    return answer.json


def destroy(client, td):
    """Deletes a TD; returns the operation."""
    answer = client.delete(f"/tds/{td}", {"Prefer": "wait=30"})
    assert answer.status == 200, answer
    assert answer.json["state"] == "succeeded", answer
    return answer.json
