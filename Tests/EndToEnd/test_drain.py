#!/usr/bin/env python3
"""How the daemon starts and ends: draining, exit codes, and configuration errors that name their source."""

import json
import os
import pathlib
import signal
import socket
import stat
import subprocess
import tempfile
import threading
import time
import unittest

from daemon import BINARY, Daemon, create

SLOW = ("--fake-write-back-ms", "1000", "--fake-slice-us", "500")
WRITE_BACK_SECONDS = 1.0
VERY_SLOW = ("--fake-write-back-ms", "10000", "--fake-slice-us", "500")
RUN_SECONDS = 20


def run(*arguments, environment=None):
    """Runs tdxd to its end."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TDXD_")}
    return subprocess.run(
        [str(BINARY), *map(str, arguments)], env={**clean, **(environment or {})}, capture_output=True, text=True,
        timeout=RUN_SECONDS,
    )


class Draining(unittest.TestCase):
    def deletion(self, daemon, client):
        """A deletion that takes two write-backs; its operation."""
        td = create(client, vcpus=1)["id"]
        answer = client.delete(f"/tds/{td}", {"Prefer": "respond-async"})
        self.assertEqual(answer.status, 202, answer)
        return answer.headers["Location"]

    def test_a_running_operation_is_finished_and_new_work_refused(self):
        daemon = self.enterContext(Daemon(*SLOW))
        client, other = daemon.client(), daemon.client()
        self.assertEqual(client.get("/readyz").json["ready"], True)
        operation = self.deletion(daemon, client)
        answers = []
        waiting = threading.Thread(target=lambda: answers.append(client.get(f"{operation}?waitSeconds=20")))
        waiting.start()
        start = time.monotonic()
        daemon.process.send_signal(signal.SIGTERM)
        while other.get("/readyz").status != 503:
            self.assertLess(time.monotonic() - start, WRITE_BACK_SECONDS)
        refused = other.post("/tds", {"spec": {"maxVcpus": 1}})
        self.assertEqual((refused.status, refused.json["code"]), (503, "draining"))
        self.assertIn("Retry-After", refused.headers)
        self.assertEqual(other.get("/livez").status, 200)
        waiting.join()
        self.assertEqual(answers[0].json["state"], "succeeded", answers)
        self.assertEqual(daemon.process.wait(RUN_SECONDS), 0)
        self.assertFalse(daemon.socket.exists(), "the socket's file goes with the daemon")

    def test_a_drain_timeout_that_passes_has_its_own_exit_code(self):
        daemon = self.enterContext(Daemon(*SLOW, "--drain-timeout", "0"))
        self.deletion(daemon, daemon.client())
        self.assertEqual(daemon.stop(), 75)
        self.assertIn("Operations were still running", daemon.log_text())

    def test_a_second_signal_ends_at_once(self):
        for number, code in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
            daemon = self.enterContext(Daemon(*VERY_SLOW))
            self.deletion(daemon, daemon.client())
            daemon.process.send_signal(signal.SIGTERM)
            while not any(record["message"] == "Draining" for record in daemon.log()):
                time.sleep(0.01)
            start = time.monotonic()
            self.assertEqual(daemon.stop([number]), code)
            self.assertLess(time.monotonic() - start, 5)

    def test_an_idle_daemon_stops_at_once_also_with_an_open_connection(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            daemon = self.enterContext(Daemon())
            self.assertEqual(daemon.client().get("/livez").status, 200)
            start = time.monotonic()
            self.assertEqual(daemon.stop([number]), 0)
            self.assertLess(time.monotonic() - start, 2)


class Starting(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="tdxd-test-")))
        self.socket = self.directory / "s"

    def test_version_and_help(self):
        self.assertRegex(run("--version").stdout, r"^tdxd \d+\.\d+\.\d+\n$")
        text = run("--help").stdout
        for taught in ("does not run vCPUs", "curl --unix-socket", "ROLES", "EXIT CODES", "check-config"):
            self.assertIn(taught, text)

    def test_exit_codes(self):
        (self.directory / "file").write_text("")
        taken = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(taken.close)
        port = taken.getsockname()[1]
        fake = ("--module", "fake", "--socket", self.socket)
        for code, reason, arguments in (
            (64, "--threads", ("--threads", "many")),
            (64, "--no-such-flag", ("--no-such-flag",)),
            (64, "--threads: must lie between 1 and 64", ("--threads", "65")),
            (64, "--listen-plain: '127.0.0.1:0'", (*fake, "--listen-plain", "127.0.0.1:0")),
            (64, "the role must be one of viewer, operator, lab, admin, metrics", (*fake, "--socket-role", "uid:1=root")),
            (80, "there is no kernel shim at", ("--module", "shim", "--shim-device", self.directory / "none")),
            (73, "not a socket", ("--module", "fake", "--socket", self.directory / "file")),
            (73, "bind", ("--module", "fake", "--socket", self.directory / "none" / "s")),
            (74, "not a loopback address", (*fake, "--listen-plain", "192.0.2.1:0,role=viewer")),
            (74, "somebody listens", (*fake, "--listen-plain", f"127.0.0.1:{port},role=viewer")),
        ):
            with self.subTest(arguments=arguments):
                result = run(*arguments)
                self.assertEqual(result.returncode, code, result.stderr)
                self.assertIn(reason, result.stderr)
                self.assertFalse(self.socket.exists())

    def test_a_configuration_error_names_the_source_and_the_setting(self):
        file = self.directory / "tdxd.json"
        for text, complaint in (
            ('{"loglevel": "info"}', f"{file}: loglevel: no such setting"),
            ('{"threads": "4"}', f"{file}: threads: must be a whole number"),
            ('{"threads": 400}', f"{file}: threads: must lie between 1 and 64"),
            ('{"logLevel": "loud"}', f"{file}: logLevel: must be one of trace, debug"),
            ("[]", f"{file}: is not a JSON object"),
        ):
            file.write_text(text)
            with self.subTest(text=text):
                result = run("--config", file)
                self.assertEqual(result.returncode, 78, result.stderr)
                self.assertIn(complaint, result.stderr)
        result = run(environment={"TDXD_THREADS": "four"})
        self.assertEqual(result.returncode, 78)
        self.assertIn("TDXD_THREADS: must be a whole number", result.stderr)
        result = run("--config", self.directory / "none.json")
        self.assertEqual((result.returncode, "cannot be read" in result.stderr), (78, True))

    def test_flags_win_over_the_environment_and_that_over_the_file(self):
        file = self.directory / "tdxd.json"
        file.write_text(json.dumps({"threads": 2, "httpThreads": 3, "logFormat": "json", "socketRole": ["gid:7=lab"]}))
        environment = {"TDXD_CONFIG": str(file), "TDXD_THREADS": "5", "TDXD_HTTP_THREADS": "6", "TDXD_MISSPELT": "1"}
        result = run("check-config", "--threads", "7", "--socket", self.socket, environment=environment)
        self.assertEqual(result.returncode, 0, result.stderr)
        lines = result.stdout.splitlines()
        for line in (
            "threads = 7  (flag)", "httpThreads = 6  (environment)", f"logFormat = json  ({file})",
            f"socketRole = [gid:7=lab]  ({file})", "drainTimeout = 30  (default)",
        ):
            self.assertIn(line, lines)
        self.assertIn("TDXD_MISSPELT", result.stderr)

    def test_the_socket_has_the_permissions_asked_for_and_a_stale_one_is_replaced(self):
        dead = socket.socket(socket.AF_UNIX)
        dead.bind(str(self.socket))
        dead.close()
        daemon = self.enterContext(Daemon("--socket", str(self.socket), "--socket-mode", "600"))
        self.assertEqual(stat.S_IMODE(self.socket.stat().st_mode), 0o600)
        result = run("--module", "fake", "--socket", self.socket)
        self.assertEqual(result.returncode, 73, "two daemons cannot have one socket")
        self.assertEqual(daemon.stop(), 0)
        self.assertFalse(self.socket.exists())

    def test_the_fake_is_announced_loudly(self):
        daemon = self.enterContext(Daemon())
        warnings = [record["message"] for record in daemon.log() if record["level"] == "warning"]
        self.assertIn("This is not TDX hardware", warnings)
        backend = daemon.client().get("/host").json["backend"]
        self.assertEqual((backend["kind"], backend["hardware"]), ("fake", False))


if __name__ == "__main__":
    unittest.main(verbosity=2)
