"""HTTP over a Unix socket, for the tests here and the benchmark."""

import http.client
import socket


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, seconds):
        super().__init__("tdxd", timeout=seconds)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)
