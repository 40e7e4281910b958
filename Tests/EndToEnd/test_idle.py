#!/usr/bin/env python3
"""Connections that do nothing: what each costs, and that others are served beside them.

TDXD_IDLE_CONNECTIONS sets how many; 10000 takes a minute or two.
"""

import http.client
import os
import pathlib
import re
import resource
import socket
import tempfile
import time
import unittest

from certificates import Authority
from daemon import Daemon

COUNT = int(os.environ.get("TDXD_IDLE_CONNECTIONS", "1000"))
# As many as the default allows for one address.
PER_ADDRESS = 100
PLAIN_BYTES_MAX = 40 * 1024
TLS_BYTES_MAX = 120 * 1024
SLOWEST_SECONDS = 1.0
OTHERS = 50
REQUEST = b"GET /livez HTTP/1.1\r\nHost: t\r\n\r\n"


def resident(daemon):
    text = pathlib.Path(f"/proc/{daemon.process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", text)[1]) * 1024


def source(index):
    """Loopback has sixteen million addresses."""
    return f"127.1.{index // PER_ADDRESS // 250}.{1 + index // PER_ADDRESS % 250}", 0


def ask(connection):
    """One request and all of its answer; the status."""
    connection.sendall(REQUEST)
    response = http.client.HTTPResponse(connection, method="GET")
    response.begin()
    response.read()
    return response.status


class Idle(unittest.TestCase):
    FLAGS = ("--max-connections", str(COUNT + 100), "--idle-timeout", "600", "--head-timeout", "60")

    @classmethod
    def setUpClass(cls):
        # For us; the daemon gets the old limit and must raise it itself.
        cls.limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        if cls.limits[1] != resource.RLIM_INFINITY and cls.limits[1] < COUNT + 200:
            raise unittest.SkipTest("the hard limit of open files is too low")

    def hold(self, daemon, port, bytes_max, wrap=lambda connection: connection, connect=None):
        """Opens connections with one request each; says what each costs, and asks beside them."""
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(self.limits[0], COUNT + 200), self.limits[1]))
        before = resident(daemon)
        held = []
        try:
            for index in range(COUNT):
                connection = wrap(socket.create_connection(("127.0.0.1", port), 30, source(index)))
                held.append(connection)
                self.assertEqual(ask(connection), 200, index)
            time.sleep(1)
            each = (resident(daemon) - before) / COUNT
            seconds = []
            for _ in range(OTHERS):
                start = time.monotonic()
                other = connect()
                other.request("GET", "/livez")
                self.assertEqual(other.getresponse().status, 200)
                other.close()
                seconds.append(time.monotonic() - start)
            seconds.sort()
            print(f"\n{COUNT} idle connections: {each / 1024:.1f} KiB each, {resident(daemon) >> 20} MiB in all; "
                  f"others' slowest answer {seconds[-1] * 1e3:.1f} ms", flush=True)
            self.assertLess(each, bytes_max)
            self.assertLess(seconds[-1], SLOWEST_SECONDS)
            # None was closed meanwhile.
            for connection in (held[0], held[COUNT // 2], held[-1]):
                self.assertEqual(ask(connection), 200)
        finally:
            for connection in held:
                connection.close()
            resource.setrlimit(resource.RLIMIT_NOFILE, self.limits)

    def start(self, *flags, **others):
        # A soft limit that is too low on purpose.
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, self.limits[1]))
        try:
            daemon = self.enterContext(Daemon(*self.FLAGS, *flags, **others))
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, self.limits)
        limits = pathlib.Path(f"/proc/{daemon.process.pid}/limits").read_text()
        self.assertGreater(int(re.search(r"Max open files\s+(\d+)", limits)[1]), COUNT + 100)
        return daemon

    def test_plain(self):
        daemon = self.start(plain_roles=["viewer"])
        port = int(daemon.places()[1].rsplit(":", 1)[1])
        self.hold(daemon, port, PLAIN_BYTES_MAX, connect=lambda: http.client.HTTPConnection("127.0.0.1", port))

    def test_tls(self):
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="tdxd-test-")))
        authority = Authority(folder / "pki")
        daemon = self.start("--listen-tls", "127.0.0.1:0", "--pki", str(folder / "pki"))
        port = daemon.tls_port()
        context = authority.context("viewer")
        context.check_hostname = False
        self.hold(
            daemon, port, TLS_BYTES_MAX, wrap=lambda connection: context.wrap_socket(connection),
            connect=lambda: http.client.HTTPSConnection("127.0.0.1", port, context=context))


if __name__ == "__main__":
    unittest.main(verbosity=2)
