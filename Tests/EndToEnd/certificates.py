"""Certificates for tests: `tdxd pki` for those that are in order, the openssl command for the others."""

import datetime
import hashlib
import http.client
import pathlib
import ssl
import subprocess

from daemon import BINARY, REQUEST_SECONDS, Client

RUN_SECONDS = 30
ROLES = ["viewer", "operator", "lab", "admin", "metrics"]


def run(*words, code=0):
    """Runs a command; what it wrote, to standard output and then to standard error."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=RUN_SECONDS)
    assert done.returncode == code, done
    return done.stdout + done.stderr


def stamp(moment):
    return moment.strftime("%Y%m%d%H%M%SZ")


def now():
    return datetime.datetime.now(datetime.timezone.utc)


class Authority:
    """A folder that `tdxd pki init` made."""

    def __init__(self, folder, name="tdxd CA"):
        self.folder = pathlib.Path(folder)
        self.pki("init", "--name", "localhost", "--address", "127.0.0.1", "--ca-name", name)

    def pki(self, verb, *arguments, code=0):
        return run(BINARY, "pki", verb, self.folder, *arguments, code=code)

    def certificate(self, name):
        return self.folder / f"{name}.pem"

    def key(self, name):
        return self.folder / f"{name}.key"

    def sha256(self, name):
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(self.certificate(name).read_text())).hexdigest()

    def renew_server(self):
        """Another server certificate in the place of the first; returns its SHA-256."""
        self.pki("issue", "server", "--dns", "localhost", "--address", "127.0.0.1", "--replace")
        return self.sha256("server")

    def odd(self, name, uri=None, begins=None, ends=None, purpose="clientAuth"):
        """A certificate by the openssl command, with these dates and this purpose."""
        work = self.folder / "odd"
        work.mkdir(exist_ok=True)
        extensions = f"basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n"
        extensions += f"extendedKeyUsage={purpose}\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid:always\n"
        extensions += f"subjectAltName=URI:{uri}\n" if uri else "subjectAltName=DNS:nobody.example\n"
        (work / "extensions").write_text(extensions)
        run(
            "openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
            f"/CN={name}", "-keyout", self.key(name), "-out", work / "csr",
        )
        begins = begins or now() - datetime.timedelta(minutes=5)
        ends = ends or now() + datetime.timedelta(days=2)
        run(
            *self.openssl_ca(), "-notext", "-extfile", work / "extensions", "-startdate", stamp(begins), "-enddate",
            stamp(ends), "-in", work / "csr", "-out", self.certificate(name),
        )

    def short_list(self, seconds):
        """A revocation list that is outdated after some seconds, in the place of the newest."""
        run(*self.openssl_ca(), "-gencrl", "-crlsec", seconds, "-out", self.folder / "crl.new")
        (self.folder / "crl.new").rename(self.folder / "crl.pem")

    def openssl_ca(self):
        work = self.folder / "odd"
        work.mkdir(exist_ok=True)
        settings = work / "settings"
        if not settings.exists():
            (work / "index").touch()
            settings.write_text(
                f"[ca]\ndefault_ca=this\n[this]\ndatabase={work}/index\nnew_certs_dir={work}\nrand_serial=yes\n"
                "default_md=sha256\npolicy=any\ndefault_days=1\ncrl_extensions=list\n[any]\ncommonName=supplied\n"
                "[list]\nauthorityKeyIdentifier=keyid:always\n"
            )
        return (
            "openssl", "ca", "-batch", "-config", settings, "-cert", self.certificate("ca"), "-keyfile", self.key("ca"),
        )

    def context(self, name=None, version=None):
        """For a client that shows `name`, or nothing."""
        context = ssl.create_default_context(cafile=self.certificate("ca"))
        if name:
            context.load_cert_chain(self.certificate(name), self.key(name))
        if version:
            context.minimum_version = context.maximum_version = version
        return context

    def client(self, daemon, name=None, version=None):
        """One connection to a daemon's first TLS listener, kept open."""
        connection = http.client.HTTPSConnection(
            "127.0.0.1", daemon.tls_port(), timeout=REQUEST_SECONDS, context=self.context(name, version))
        client = Client(connection)
        daemon.clients.append(client)
        return client


def presented(daemon, authority):
    """SHA-256 of the certificate that a new connection is shown."""
    connection = http.client.HTTPSConnection(
        "127.0.0.1", daemon.tls_port(), timeout=REQUEST_SECONDS, context=authority.context())
    connection.connect()
    try:
        return hashlib.sha256(connection.sock.getpeercert(binary_form=True)).hexdigest()
    finally:
        connection.close()
