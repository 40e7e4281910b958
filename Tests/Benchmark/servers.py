"""tdxd and those it is compared with, each in a process of its own."""

import http.client
import json
import os
import pathlib
import shutil
import socket
import sys

from machine import CannotMeasure, ROOT, Server, answers_at, children, free_port

sys.path.insert(0, str(ROOT / "Tests" / "EndToEnd"))

from unix_http import UnixConnection  # noqa: E402

SPEC = {"name": "web-7", "labels": {"team": "payments"}, "spec": {"maxVcpus": 4, "vcpuCount": 2}}
ROLE = "operator"
REQUEST_SECONDS = 30


class TLSConnection(http.client.HTTPSConnection):
    def __init__(self, port, context):
        super().__init__("127.0.0.1", port, timeout=REQUEST_SECONDS, context=context)


def request(connection, method, path, body=None, headers=None):
    """Status, fields and body."""
    headers = dict(headers or {})
    if body is not None:
        body = json.dumps(body).encode()
        headers["Content-Type"] = "application/json"
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    return response.status, response.headers, response.read()


class TDXD(Server):
    name = "tdxd"
    binary = pathlib.Path(os.environ.get("TDXD_BINARY", ROOT / ".build" / "release" / "tdxd")).resolve()

    def __init__(self, folder, processor=None, flags=(), listeners=1):
        super().__init__(folder, processor)
        self.socket = folder / "tdxd.sock"
        self.flags = flags
        self.listeners = listeners

    def command(self):
        return [self.binary, "--module", "fake", "--socket", self.socket, "--log-format", "json",
                "--images-directory", self.folder / "images", *self.flags]

    def environment(self):
        return {
            **super().environment(),
            # One identity is all the load there is: its limit would be measured instead of the daemon.
            "TDXD_LIMIT_REQUESTS_PER_SECOND": "0",
            # As deploy/systemd/tdxd.service has it.
            "GLIBC_TUNABLES": "glibc.malloc.tcache_count=64:glibc.malloc.top_pad=1048576",
        }

    def is_ready(self):
        return len(self.places()) == self.listeners

    def places(self):
        """Where it listens, in the order of its log, which has the audit's lines as well: the Unix socket first."""
        records = [json.loads(line) for line in self.log_path.read_text().split("\n")[:-1]]
        return [record["metadata"]["place"] for record in records if record.get("message") == "Listening"]

    def connection(self):
        return UnixConnection(self.socket, REQUEST_SECONDS)

    def create(self):
        """Makes the TD that everybody serves; returns its path, the fields and the body of its GET."""
        connection = self.connection()
        status, headers, body = request(connection, "POST", "/tds", SPEC, {"Prefer": "wait=30"})
        if status != 201:
            raise CannotMeasure(f"POST /tds answered {status}: {body.decode(errors='replace')}")
        path = headers["Location"]
        status, headers, body = request(connection, "GET", path)
        connection.close()
        if status != 200:
            raise CannotMeasure(f"GET {path} answered {status}: {body.decode(errors='replace')}")
        return path, headers, body


class Nginx(Server):
    """The TD as a static file, with fields in the answer that are as long as tdxd's.

    `tickets` is how many session tickets it sends on each TLS connection.
    """

    name = "nginx"

    def __init__(self, folder, processor, path, headers, body, pki=None, tickets=0):
        super().__init__(folder, processor)
        self.port = free_port()
        self.tls_port = free_port()
        file = folder / "static" / path.lstrip("/")
        file.parent.mkdir(parents=True)
        file.write_bytes(body)
        self.configuration = folder / "nginx.conf"
        self.configuration.write_text(self.text(headers, pki, tickets))

    @staticmethod
    def binary():
        unpacked = ROOT / ".build" / "bench" / "nginx" / "usr" / "sbin"
        found = shutil.which("nginx", path=f"/usr/sbin:/usr/local/sbin:{os.environ.get('PATH', '')}:{unpacked}")
        if found is None:
            raise CannotMeasure("nginx is not there")
        return found

    def text(self, headers, pki, tickets):
        tls = "" if pki is None else f"""
        listen 127.0.0.1:{self.tls_port} ssl;
        ssl_protocols TLSv1.3;
        ssl_certificate {pki}/server.pem;
        ssl_certificate_key {pki}/server.key;
        ssl_client_certificate {pki}/ca.pem;
        ssl_crl {pki}/crl.pem;
        ssl_verify_client on;
        ssl_session_cache off;
        ssl_session_tickets {"on" if tickets else "off"};
        ssl_conf_command NumTickets {tickets};"""
        # As root, workers would be nobody, who may not read our folder.
        user = "user root;" if os.geteuid() == 0 else ""
        temporary = "\n    ".join(
            f"{kind}_temp_path {self.folder}/{kind};"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        # What is cheapest for it: the file stays open, and a body this small is read rather than sent by sendfile(2).
        # Its ETag is shorter than tdxd's; it has Server, Last-Modified and Accept-Ranges besides.
        return f"""
daemon off;
{user}
worker_processes 1;
pid {self.folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 2048; }}
http {{
    access_log off;
    {temporary}
    sendfile off;
    open_file_cache max=16 inactive=1h;
    open_file_cache_valid 1h;
    keepalive_requests 1000000000;
    keepalive_timeout 75s;
    default_type application/json;
    server {{
        listen 127.0.0.1:{self.port};{tls}
        root {self.folder}/static;
        add_header Cache-Control "{headers["Cache-Control"]}";
        add_header X-Request-Id "{headers["X-Request-Id"]}";
    }}
}}
"""

    def command(self):
        return [self.binary(), "-p", self.folder, "-c", self.configuration, "-e", "stderr"]

    def is_ready(self):
        return answers_at(self.port) and bool(children(self.process.pid))

    @property
    def worker(self):
        (worker,) = children(self.process.pid)
        return worker


class Hummingbird(Server):
    """The TD encoded by JSONEncoder for each request, as this framework does by itself."""

    name = "hummingbird"
    binary = ROOT / ".build-bench" / "release" / "HummingbirdPeer"

    def __init__(self, folder, processor, body):
        super().__init__(folder, processor)
        self.port = free_port()
        self.file = folder / "td.json"
        self.file.write_bytes(body)

    def command(self):
        if not self.binary.exists():
            raise CannotMeasure("the Hummingbird comparison is not built")
        return [self.binary, self.port, self.file]

    def is_ready(self):
        return answers_at(self.port)

    def get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=REQUEST_SECONDS)
        status, _, body = request(connection, "GET", path)
        connection.close()
        if status != 200:
            raise CannotMeasure(f"{self.name}: GET {path} answered {status}")
        return body


class Libvirtd(Server):
    """libvirtd on a socket of its own and without any hypervisor's driver; the test driver is in its library."""

    name = "libvirtd"
    runtime_folder = pathlib.Path("/run/libvirt")

    def __init__(self, folder, processor=None):
        super().__init__(folder, processor)
        self.sockets = folder / "libvirt"
        self.sockets.mkdir()
        (folder / "no-drivers").mkdir()
        self.configuration = folder / "libvirtd.conf"
        self.configuration.write_text(
            f'listen_tls = 0\nlisten_tcp = 0\nunix_sock_dir = "{self.sockets}"\n'
            'auth_unix_rw = "none"\nauth_unix_ro = "none"\nunix_sock_rw_perms = "0700"\n'
            'log_outputs = "3:stderr"\n')

        self.leaves_runtime_folder = not self.runtime_folder.exists()

    def __exit__(self, *error):
        super().__exit__(*error)
        # As root it keeps a token there, whatever it is told.
        if self.leaves_runtime_folder:
            shutil.rmtree(self.runtime_folder, ignore_errors=True)

    def command(self):
        return ["/usr/sbin/libvirtd", "--config", self.configuration, "--pid-file", self.folder / "libvirtd.pid"]

    def environment(self):
        return {**super().environment(), "LIBVIRT_DRIVER_DIR": str(self.folder / "no-drivers")}

    @property
    def place(self):
        return f"test+unix:///default?socket={self.sockets}/libvirt-sock"

    def is_ready(self):
        try:
            with socket.socket(socket.AF_UNIX) as probe:
                probe.connect(str(self.sockets / "libvirt-sock"))
            return True
        except OSError:
            return False
