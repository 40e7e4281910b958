#!/usr/bin/env python3
"""As a unit of systemd: sockets that are handed over, notifications, reload, watchdog, and the units themselves."""

import http.client
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

from daemon import BINARY, REQUEST_SECONDS, ROOT
from unix_http import UnixConnection

WAIT_SECONDS = 20
UNITS = ROOT / "deploy" / "systemd"
# systemd-analyze's scale ends at 10, which is worst; below 2 it calls a unit OK.
EXPOSURE_MAX = 1.5

# Moves the descriptors in argv[1] to 3, 4, ... and becomes what follows, as systemd does before it starts a unit.
LAUNCH = """
import fcntl, os, sys
given = [int(word) for word in sys.argv[1].split(",") if word]
kept = [fcntl.fcntl(number, fcntl.F_DUPFD, 100) for number in given]
for place, number in enumerate(kept):
    os.dup2(number, 3 + place)
if given:
    os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(sys.argv[2], sys.argv[2:])
"""


class Unit(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="tdxd-test-")))
        self.path = self.directory / "tdxd.sock"
        self.notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.notices.close)
        self.notices.settimeout(WAIT_SECONDS)

    def listening(self, family=socket.AF_UNIX, address=None):
        ours = socket.socket(family)
        self.addCleanup(ours.close)
        ours.bind(address or str(self.path))
        ours.listen(8)
        return ours

    def launch(self, *arguments, sockets=(), notify="@", **variables):
        if notify == "@":
            name = f"@tdxd-test-{os.getpid()}-{time.monotonic_ns()}"
            self.notices.bind("\0" + name[1:])
        else:
            name = str(notify)
            self.notices.bind(name)
        environment = {key: value for key, value in os.environ.items() if not key.startswith("TDXD_")}
        environment |= {"NOTIFY_SOCKET": name, "LISTEN_FDS": str(len(sockets)), **variables}
        numbers = [ours.fileno() for ours in sockets]
        process = subprocess.Popen(
            [sys.executable, "-c", LAUNCH, ",".join(map(str, numbers)), str(BINARY), "--module", "fake", "--socket",
             str(self.path), *arguments],
            env=environment, pass_fds=numbers, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )
        self.addCleanup(self.end, process)
        return process

    def end(self, process):
        if process.poll() is None:
            process.kill()
        process.communicate()

    def notice(self):
        return dict(line.split("=", 1) for line in self.notices.recv(4096).decode().splitlines())

    def until(self, name):
        """The next notice that has `name`."""
        end = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < end:
            notice = self.notice()
            if name in notice:
                return notice
        self.fail(f"no notice with {name}")

    def get(self, path="/livez"):
        connection = UnixConnection(self.path, REQUEST_SECONDS)
        connection.request("GET", path)
        status = connection.getresponse().status
        connection.close()
        return status

    def test_ready_reload_and_stop_are_told(self):
        for notify in ("@", self.directory / "notify"):
            with self.subTest(notify=notify):
                self.setUp()
                process = self.launch(notify=notify)
                self.assertEqual(self.notice(), {"READY": "1", "STATUS": "Serving on 1 socket"})
                self.assertEqual(self.get(), 200)
                before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
                process.send_signal(signal.SIGHUP)
                reloading = self.notice()
                self.assertEqual(reloading["RELOADING"], "1")
                self.assertGreaterEqual(int(reloading["MONOTONIC_USEC"]), before)
                self.assertEqual(self.notice()["READY"], "1")
                process.send_signal(signal.SIGTERM)
                self.assertEqual(self.notice()["STOPPING"], "1")
                self.assertEqual(process.wait(WAIT_SECONDS), 0)

    def test_sockets_are_taken_over_by_name_and_their_files_stay(self):
        unix = self.listening()
        plain = self.listening(socket.AF_INET, ("127.0.0.1", 0))
        port = plain.getsockname()[1]
        process = self.launch(
            "--listen-plain", f"127.0.0.1:{port},role=viewer", sockets=[plain, unix], LISTEN_FDNAMES="plain:unix")
        self.assertEqual(self.notice()["STATUS"], "Serving on 2 sockets")
        self.assertEqual(self.get(), 200)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_SECONDS)
        connection.request("GET", "/host")
        self.assertEqual(connection.getresponse().status, 200)
        connection.close()
        environment = pathlib.Path(f"/proc/{process.pid}/fd")
        self.assertTrue(all(os.readlink(environment / str(number)).startswith("socket:") for number in (3, 4)))
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(WAIT_SECONDS), 0)
        self.assertTrue(self.path.exists(), "the file is systemd's")
        # systemd keeps the socket: whoever connects meanwhile waits for the next start.
        waiting = UnixConnection(self.path, REQUEST_SECONDS)
        waiting.connect()
        waiting.close()

    def test_sockets_that_do_not_fit_end_it_with_a_reason(self):
        elsewhere = self.listening(address=str(self.directory / "other.sock"))
        plain = self.listening(socket.AF_INET, ("127.0.0.1", 0))
        file = open(self.directory / "file", "w")
        self.addCleanup(file.close)
        for sockets, names, reason in (
            ([elsewhere], "unix", "it does not listen on"),
            ([plain], "unix", "it does not listen on"),
            ([file], "unix", "it is no stream socket"),
            ([plain], "plain", "0 such listeners are configured"),
            ([elsewhere], "tls", "0 such listeners are configured"),
            ([elsewhere], "ssh", "LISTEN_FDNAMES: a socket is called 'ssh'"),
            ([elsewhere], "unix:unix", "LISTEN_FDNAMES: must name each of the 1 sockets"),
        ):
            with self.subTest(names=names, reason=reason):
                self.notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                self.addCleanup(self.notices.close)
                process = self.launch(sockets=sockets, LISTEN_FDNAMES=names)
                _, errors = process.communicate(timeout=WAIT_SECONDS)
                self.assertIn(reason, errors)
                self.assertIn(process.returncode, (73, 78), errors)

    def test_socket_activate_of_systemd_itself(self):
        activate = "systemd-socket-activate"
        process = subprocess.Popen(
            [activate, f"--listen={self.path}", "--fdname=unix", str(BINARY), "--module", "fake", "--socket",
             str(self.path)],
            stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
        )
        self.addCleanup(lambda: (process.poll() is None and process.kill(), process.wait()))
        end = time.monotonic() + WAIT_SECONDS
        while not self.path.exists() and time.monotonic() < end:
            time.sleep(0.02)
        self.assertEqual(self.get(), 200)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(WAIT_SECONDS), 0)

    def test_the_watchdog_is_fed_only_while_it_answers(self):
        process = self.launch(WATCHDOG_USEC="900000")
        self.until("READY")
        for _ in range(3):
            self.until("WATCHDOG")
        # Takes its own socket's file away: what comes in by it cannot be answered any more.
        self.path.rename(self.directory / "elsewhere")
        self.notices.settimeout(2)
        with self.assertRaises(TimeoutError):
            for _ in range(4):
                self.notice()
        (self.directory / "elsewhere").rename(self.path)
        self.notices.settimeout(WAIT_SECONDS)
        self.until("WATCHDOG")
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=WAIT_SECONDS)
        self.assertEqual(process.returncode, 0)
        self.assertIn("does not answer itself", errors)

    def test_all_connections_taken_is_no_reason_to_be_killed(self):
        process = self.launch("--max-connections", "4", WATCHDOG_USEC="900000")
        self.until("READY")
        taken = []
        for _ in range(4):
            connection = socket.socket(socket.AF_UNIX)
            self.addCleanup(connection.close)
            connection.connect(str(self.path))
            connection.sendall(b"GET /livez HTTP/1.1\r\nHost: t\r\n\r\n")
            connection.recv(1)
            taken.append(connection)
        time.sleep(1)
        while True:
            self.notices.setblocking(False)
            try:
                self.notice()
            except BlockingIOError:
                break
        self.notices.settimeout(WAIT_SECONDS)
        self.until("WATCHDOG")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(WAIT_SECONDS), 0)


class Files(unittest.TestCase):
    def analyze(self, *words):
        done = subprocess.run(["systemd-analyze", *map(str, words)], capture_output=True, text=True)
        return done.stdout + done.stderr

    def test_the_units_are_understood(self):
        findings = self.analyze("verify", *sorted(UNITS.glob("tdxd*.s*"))).splitlines()
        findings = [line for line in findings if "tdxd" in line and "is not executable" not in line]
        self.assertEqual(findings, [])

    def test_the_sandbox_leaves_little(self):
        report = self.analyze("security", "--offline=true", "--no-pager", UNITS / "tdxd.service")
        rating = re.search(r"Overall exposure level for tdxd.service: ([0-9.]+)", report)
        print(report.splitlines()[-1] if report else "no report")
        self.assertIsNotNone(rating, report)
        self.assertLess(float(rating[1]), EXPOSURE_MAX)

    def test_the_service_starts_what_the_daemon_understands(self):
        start = re.search(r"^ExecStart=\S+ (.*)$", (UNITS / "tdxd.service").read_text(), re.MULTILINE)
        words = start[1].split()
        self.assertEqual(words[0], "serve")
        done = subprocess.run([BINARY, "check-config", *words[1:]], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        path = re.search(r"^ListenStream=(.*)$", (UNITS / "tdxd.socket").read_text(), re.MULTILINE)[1]
        self.assertIn(f"socket = {path}  (flag)", done.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
