#!/usr/bin/env python3
"""Clients that are slow on purpose (slowhttptest: heads, bodies, reading) hold up nobody else, plain or over TLS."""

import http.client
import pathlib
import socket
import subprocess
import tempfile
import threading
import time
import unittest

from certificates import Authority
from daemon import Daemon

# The attackers come from 127.0.0.1, and get no more than the connections of one address; the others from elsewhere.
ELSEWHERE = ("127.0.0.2", 0)
CONNECTIONS = 400
SECONDS = 4
# Generous: the machine may be busy with other things. Without a limit nobody would be served at all.
SLOWEST_SECONDS = 1.0
# The deadline is 2 seconds, and looked at once a second.
CUT_SECONDS_MAX = 8
KINDS = {
    "slow heads": ["-H", "-i", "1"],
    "slow bodies": ["-B", "-i", "1", "-s", "8192", "-t", "POST", "-x", "16"],
    "slow reading": ["-X", "-w", "8", "-y", "16", "-n", "1", "-z", "8", "-k", "3"],
}


class Others:
    """Asks over and over, half of the time with a new connection; keeps how long each answer took."""

    def __init__(self, connect):
        self.connect = connect
        self.seconds = []
        self.failures = []
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        connection = self.connect()
        while not self.over.wait(0.02):
            start = time.monotonic()
            try:
                if len(self.seconds) % 2:
                    connection.close()
                    connection = self.connect()
                connection.request("GET", "/livez")
                status = connection.getresponse().read() and 200
                if status != 200:
                    self.failures.append(status)
            except OSError as error:
                self.failures.append(error)
                connection = self.connect()
            self.seconds.append(time.monotonic() - start)
        connection.close()

    def stop(self):
        self.over.set()
        self.thread.join()
        return sorted(self.seconds), self.failures


class Slow(unittest.TestCase):
    def attack(self, url, flags, connect):
        others = Others(connect)
        try:
            done = subprocess.run(
                ["slowhttptest", "-c", str(CONNECTIONS), "-r", "200", "-l", str(SECONDS), "-p", "3", "-u", url, *flags],
                capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL,
            )
        finally:
            seconds, failures = others.stop()
        self.assertIn("Test ended", done.stdout + done.stderr)
        p99 = seconds[len(seconds) * 99 // 100]
        print(f"  {len(seconds)} answers meanwhile: median {seconds[len(seconds) // 2] * 1e3:.1f} ms, "
              f"p99 {p99 * 1e3:.1f} ms, slowest {seconds[-1] * 1e3:.1f} ms", flush=True)
        self.assertEqual(failures, [])
        self.assertGreater(len(seconds), 20)
        self.assertLess(p99, SLOWEST_SECONDS)

    def test_plain(self):
        daemon = self.enterContext(
            Daemon("--head-timeout", "2", "--body-timeout", "2", plain_roles=["viewer"]))
        port = int(daemon.places()[1].rsplit(":", 1)[1])
        for name, flags in KINDS.items():
            with self.subTest(name):
                print(name, "plain", flush=True)
                self.attack(
                    f"http://127.0.0.1:{port}/openapi.json", flags,
                    lambda: http.client.HTTPConnection("127.0.0.1", port, timeout=10, source_address=ELSEWHERE))
        self.assertIn("too many connections from 127.0.0.1", daemon.log_text())

    def test_a_head_in_drops_is_cut_at_its_deadline(self):
        daemon = self.enterContext(Daemon("--head-timeout", "2", plain_roles=["viewer"]))
        port = int(daemon.places()[1].rsplit(":", 1)[1])
        start = time.monotonic()
        with socket.create_connection(("127.0.0.1", port), timeout=0.2) as slow:
            slow.sendall(b"GET /livez HTTP/1.1\r\nHost: t\r\nA: ")
            end = None
            while end is None and time.monotonic() - start < CUT_SECONDS_MAX:
                try:
                    slow.sendall(b"a")
                    end = slow.recv(1)
                except TimeoutError:
                    pass
                except ConnectionError:
                    end = b""
        self.assertEqual(end, b"", "closed without an answer")
        self.assertGreaterEqual(time.monotonic() - start, 2)
        self.assertLess(time.monotonic() - start, CUT_SECONDS_MAX)

    def test_tls(self):
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="tdxd-test-")))
        authority = Authority(folder / "pki")
        daemon = self.enterContext(
            Daemon("--listen-tls", "127.0.0.1:0", "--pki", str(folder / "pki"), "--head-timeout", "2",
                   "--body-timeout", "2"))
        port = daemon.tls_port()
        context = authority.context("viewer")
        for name, flags in KINDS.items():
            with self.subTest(name):
                print(name, "over TLS", flush=True)
                self.attack(
                    f"https://127.0.0.1:{port}/openapi.json", flags,
                    lambda: http.client.HTTPSConnection(
                        "127.0.0.1", port, timeout=10, source_address=ELSEWHERE, context=context))


if __name__ == "__main__":
    unittest.main(verbosity=2)
