#!/usr/bin/env python3
"""TLS with client certificates, by curl: who may do what, who is refused why, and what the listener speaks at all."""

import datetime
import json
import pathlib
import socket
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree

from certificates import ROLES, RUN_SECONDS, Authority, now, run
from daemon import BINARY, Daemon

VERSIONS = {"TLSv1.2": ["--tlsv1.2", "--tls-max", "1.2"], "TLSv1.3": ["--tlsv1.3"]}
NO_TD = "td-00000000000000000000000000"


class Curl:
    """What came back of one request by the command."""

    def __init__(self, authority, port, path, *arguments, name=None, cert_of=None, version="TLSv1.3"):
        words = ["curl", "-sS", "-v", "--cacert", authority.certificate("ca"), *VERSIONS[version]]
        if name:
            owner = cert_of or authority
            words += ["--cert", owner.certificate(name), "--key", owner.key(name)]
        words += [*arguments, "-w", "\n%{http_code}", f"https://localhost:{port}{path}"]
        done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=RUN_SECONDS)
        assert done.returncode == 0, done
        assert f"SSL connection using {version} /" in done.stderr, done.stderr
        body, status = done.stdout.rsplit("\n", 1)
        self.status = int(status)
        self.json = json.loads(body)

    def __repr__(self):
        return f"{self.status} {self.json}"


class Identities(unittest.TestCase):
    """One daemon, many clients."""

    @classmethod
    def setUpClass(cls):
        scratch = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        ours = cls.ours = Authority(scratch / "ours")
        cls.foreign = Authority(scratch / "foreign", "another CA")
        day = datetime.timedelta(days=1)
        admin = "spiffe://tdxd/role/admin"
        ours.odd("expired", admin, begins=now() - 9 * day, ends=now() - day)
        ours.odd("early", admin, begins=now() + day, ends=now() + 9 * day)
        ours.odd("server-only", admin, purpose="serverAuth")
        ours.odd("nameless")
        ours.odd("pinned", "spiffe://tdxd/role/viewer")
        ours.pki("issue", "bob", "--uri", "spiffe://tdxd/user/bob")
        ours.pki("issue", "carol", "--uri", "spiffe://tdxd/user/carol", "--role", "lab")
        ours.pki("issue", "eve", "--uri", "spiffe://tdxd/user/eve", "--role", "admin")
        ours.pki("revoke", "eve", "--reason", "keyCompromise")
        roles = json.loads((ours.folder / "roles.json").read_text())
        roles["identities"]["sha256:" + ours.sha256("pinned")] = "operator"
        (ours.folder / "roles.json").write_text(json.dumps(roles))
        cls.daemon = cls.enterClassContext(Daemon("--listen-tls", "127.0.0.1:0", "--pki", ours.folder))

    def ask(self, path, *arguments, **how):
        return Curl(self.ours, self.daemon.tls_port(), path, *arguments, **how)

    def refusal(self, code, detail, name=None, **how):
        """Asks twice, once with each version of TLS: a read and a write are refused alike."""
        for version in VERSIONS:
            for arguments in (["/host"], ["/tds", "--json", '{"spec": {"maxVcpus": 1}}'], ["/nowhere"]):
                answer = self.ask(*arguments, name=name, version=version, **how)
                self.assertEqual((answer.status, answer.json["code"]), (403, code), answer)
                self.assertRegex(answer.json["detail"], detail)
                self.assertEqual(answer.json["type"], f"/errors/{code}")
            for path in ("/livez", "/readyz"):
                self.assertEqual(self.ask(path, name=name, version=version, **how).status, 200)
        entry = self.ask(f"/errors/{code}", name="viewer").json
        self.assertEqual(entry["httpStatus"], 403)
        self.assertTrue(entry["remedy"])

    def test_each_role_may_do_what_it_may_and_no_more(self):
        steps = [
            ("viewer", 200, ["/host"]),
            ("viewer", 200, ["/seamcalls"]),
            ("operator", 200, ["/tds?dryRun=true", "--json", '{"spec": {"maxVcpus": 1}}']),
            ("lab", 404, [f"/tds/{NO_TD}/actions/flush-done", "--json", "{}"]),
        ]
        ladder = ["viewer", "operator", "lab", "admin"]
        for version in VERSIONS:
            for role in ROLES:
                for needed, status, arguments in steps:
                    answer = self.ask(*arguments, name=role, version=version)
                    if role in ladder and ladder.index(role) >= ladder.index(needed):
                        self.assertEqual(answer.status, status, (role, answer))
                    else:
                        self.assertEqual(
                            (answer.status, answer.json["code"], answer.json["requiredRole"]),
                            (403, "role-too-small", needed), role)

    def test_metrics_are_for_their_role_and_the_administrator(self):
        for role, status in [("metrics", 200), ("admin", 200), ("lab", 403), ("operator", 403), ("viewer", 403)]:
            words = ["--cert", self.ours.certificate(role), "--key", self.ours.key(role), "-o", "/dev/null", "-w",
                     "%{http_code}", f"https://localhost:{self.daemon.tls_port()}/metrics"]
            self.assertEqual(run("curl", "-sS", "--cacert", self.ours.certificate("ca"), *words), str(status), role)

    def test_what_a_client_makes_bears_its_identity(self):
        for version in VERSIONS:
            for name, identity in [
                ("operator", "spiffe://tdxd/role/operator"), ("carol", "spiffe://tdxd/user/carol"),
                ("pinned", "sha256:" + self.ours.sha256("pinned")),
            ]:
                answer = self.ask("/tds", "--json", '{"spec": {"maxVcpus": 1}}', name=name, version=version)
                self.assertEqual((answer.status, answer.json["createdBy"]), (201, identity), answer)
                td = answer.json["id"]
                self.assertEqual(self.ask(f"/tds/{td}", "-X", "DELETE", name=name, version=version).status, 200)

    def test_a_certificate_of_its_own_role_counts_before_its_uri(self):
        # Its URI alone would make it a viewer.
        answer = self.ask("/tds?dryRun=true", "--json", '{"spec": {"maxVcpus": 1}}', name="pinned")
        self.assertEqual(answer.status, 200, answer)

    def test_no_certificate(self):
        self.refusal("client-certificate-required", "^No client certificate was sent.$")

    def test_a_foreign_ca(self):
        digits = self.foreign.sha256("admin")
        self.refusal(
            "client-certificate-unknown-ca",
            f"not issued by a CA that is trusted here. Its SHA-256 is {digits}.$", "admin", cert_of=self.foreign)

    def test_expired(self):
        ended = (now() - datetime.timedelta(days=1)).strftime("%Y-%m-%d")
        self.refusal("client-certificate-expired", f"^The client certificate expired on ({ended}T|20)", "expired")

    def test_not_yet_valid(self):
        self.refusal("client-certificate-not-yet-valid", "^The client certificate is not valid before 20", "early")

    def test_for_servers_only(self):
        self.refusal("client-certificate-wrong-purpose", "is for serverAuth, not for clientAuth", "server-only")
        self.refusal("client-certificate-wrong-purpose", "is for serverAuth, not for clientAuth", "server")

    def test_a_ca_is_no_client(self):
        # Its key must not sign handshakes, so there is none.
        for version in VERSIONS:
            words = ["curl", "-sS", "--cacert", self.ours.certificate("ca"), *VERSIONS[version], "--cert",
                     self.ours.certificate("ca"), "--key", self.ours.key("ca")]
            url = f"https://localhost:{self.daemon.tls_port()}/livez"
            done = subprocess.run([*map(str, words), url], capture_output=True, text=True, timeout=RUN_SECONDS)
            # No handshake, or with 1.3 its end after the client's part.
            self.assertIn(done.returncode, (35, 52, 56), done)
            self.assertEqual(done.stdout, "")

    def test_revoked(self):
        self.refusal("client-certificate-revoked", r"was revoked on 20\S+Z \(keyCompromise\)", "eve")

    def test_the_right_ca_and_an_unknown_identity(self):
        digits = self.ours.sha256("bob")
        self.refusal(
            "client-identity-unknown",
            f'^No role is given to "spiffe://tdxd/user/bob" nor to "sha256:{digits}".$', "bob")
        self.refusal(
            "client-identity-unknown", f'^No role is given to "sha256:{self.ours.sha256("nameless")}".$', "nameless")

    def test_host_tells_what_is_shown_and_who_is_believed(self):
        tls = self.ask("/host", name="viewer").json["tls"]
        self.assertEqual([found["sha256"] for found in tls["certificates"]], [self.ours.sha256("server")])
        self.assertEqual(tls["certificates"][0]["names"], ["localhost", "127.0.0.1"])
        # Whole days: in the second in which it was made, all 397 are left.
        self.assertIn(tls["certificates"][0]["daysLeft"], (396, 397))
        self.assertEqual([found["subject"] for found in tls["trustAnchors"]], ["CN=tdxd CA"])
        self.assertEqual([(found["number"], found["revokedCount"]) for found in tls["revocationLists"]], [(2, 1)])
        self.assertEqual(tls["identityCount"], 8)
        self.assertNotIn("lastReload", tls)

    def test_sslscan_finds_nothing(self):
        words = ["sslscan", "--no-colour", "--xml=-", f"127.0.0.1:{self.daemon.tls_port()}"]
        found = subprocess.run(words, capture_output=True, text=True, timeout=2 * RUN_SECONDS, check=True)
        scan = xml.etree.ElementTree.fromstring(found.stdout[found.stdout.index("<?xml"):]).find("ssltest")
        enabled = {(p.get("type"), p.get("version")) for p in scan.iter("protocol") if p.get("enabled") == "1"}
        self.assertEqual(enabled, {("tls", "1.2"), ("tls", "1.3")})
        ciphers = list(scan.iter("cipher"))
        self.assertEqual(len(ciphers), 6)
        for cipher in ciphers:
            self.assertIn(cipher.get("strength"), ("strong", "acceptable"), cipher.attrib)
            self.assertRegex(cipher.get("cipher"), "^(TLS_|ECDHE-ECDSA-).*(GCM|CHACHA20)")
            self.assertEqual(cipher.get("curve"), "25519")
        self.assertEqual({g.get("name") for g in scan.iter("group")}, {"x25519", "secp256r1 (NIST P-256)"})
        self.assertEqual({h.get("vulnerable") for h in scan.iter("heartbleed")}, {"0"})
        self.assertEqual(scan.find("renegotiation").get("supported"), "0")
        for certificate in scan.iter("certificate"):
            self.assertEqual(certificate.find("signature-algorithm").text.split()[-1], "ecdsa-with-SHA256")
            self.assertEqual(certificate.find("pk").get("error"), "false")


def client_hello(version):
    """A handshake's first record as clients of old sent it, with what each of them would take."""
    def block(size, content):
        return len(content).to_bytes(size, "big") + content

    def extension(number, content):
        return number.to_bytes(2, "big") + block(2, content)

    # ECDHE with ECDSA: AES-128-CBC-SHA, AES-256-CBC-SHA, AES-128-GCM-SHA256.
    suites = bytes.fromhex("c009c00ac02b")
    extensions = extension(10, block(2, bytes.fromhex("00170018"))) + extension(11, block(1, b"\0"))
    extensions += extension(13, block(2, bytes.fromhex("040302030401"))) + extension(0xff01, b"\0")
    hello = version + bytes(range(32)) + block(1, b"") + block(2, suites) + block(1, b"\0") + block(2, extensions)
    return b"\x16\x03\x01" + block(2, b"\x01" + block(3, hello))


class OldVersions(unittest.TestCase):
    def answer(self, daemon, version):
        """The type of the first record, and its content; None if the connection is closed without one."""
        with socket.create_connection(("127.0.0.1", daemon.tls_port()), timeout=RUN_SECONDS) as connection:
            connection.sendall(client_hello(version))
            stream = connection.makefile("rb")
            head = stream.read(5)
            if not head:
                return None
            return head[0], stream.read(int.from_bytes(head[3:5], "big"))

    def test_tls_1_0_and_1_1_get_no_handshake(self):
        with tempfile.TemporaryDirectory() as scratch:
            authority = Authority(pathlib.Path(scratch) / "pki")
            with Daemon("--listen-tls", "127.0.0.1:0", "--pki", authority.folder) as daemon:
                for minor in (0, 1, 2):
                    # The library closes the connection and sends no alert.
                    self.assertIsNone(self.answer(daemon, bytes([3, minor])), minor)
                # The same with 1.2 is answered with a server's hello: it was not for another reason.
                kind, content = self.answer(daemon, b"\x03\x03")
                self.assertEqual((kind, content[0], content[4:6]), (22, 2, b"\x03\x03"))


class Settings(unittest.TestCase):
    """What cannot be used is said before anything listens."""

    def setUp(self):
        self.scratch = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.pki = Authority(self.scratch / "pki")

    def complaint(self, verb, *flags):
        base = ["--module", "fake", "--socket", self.scratch / "s", "--listen-tls", "127.0.0.1:0"]
        said = run(BINARY, verb, *base, *flags, code=78)
        return said.splitlines()[-1]

    def test_errors_name_the_setting_and_the_file(self):
        folder = self.pki.folder
        (folder / "open.key").write_bytes((folder / "server.key").read_bytes())
        (folder / "open.key").chmod(0o644)
        (folder / "text").write_text("nothing of the kind\n")
        (folder / "wrong.json").write_text('{"identities": {"spiffe://a/b": "king"}}')
        (folder / "writable.json").write_text('{"identities": {}}')
        (folder / "writable.json").chmod(0o666)
        for flag, file, why in [
            ("--tls-certificate", folder / "none", "cannot open it: No such file or directory"),
            ("--tls-certificate", folder / "text", "is not PEM: there is no BEGIN line"),
            ("--tls-certificate", folder / "viewer.pem", None),
            ("--tls-key", folder / "open.key", "may be read or changed by others (mode 0644)"),
            ("--tls-key", folder / "viewer.key", f"is not the key of {folder}/server.pem"),
            ("--tls-key", folder, "it is no regular file"),
            ("--client-ca", folder / "viewer.pem", "entry 1: is no CA certificate: its basic constraints do not say so"),
            ("--client-revocations", folder / "lab.pem", "entry 1: holds CERTIFICATE where X509 CRL is expected"),
            ("--roles", folder / "none", "cannot open it: No such file or directory"),
            ("--roles", folder / "writable.json", "may be read or changed by others (mode 0666)"),
            ("--roles", folder / "wrong.json",
                "/identities/spiffe:~1~1a~1b: the role must be one of viewer, operator, lab, admin, metrics"),
        ]:
            for verb in ("serve", "check-config"):
                said = self.complaint(verb, "--pki", folder, flag, file)
                if why is None:
                    self.assertEqual(said, f"tdxd: --pki: {folder}/server.key: is not the key of {file}")
                else:
                    self.assertTrue(said.startswith(f"tdxd: {flag}: {file}: ") and said.endswith(why), said)
        said = self.complaint("serve", "--pki", self.scratch / "nothing")
        self.assertEqual(
            said, f"tdxd: --pki: {self.scratch}/nothing/server.pem: cannot open it: No such file or directory")

    def test_a_client_certificate_cannot_be_the_servers(self):
        folder = self.pki.folder
        said = self.complaint(
            "serve", "--pki", folder, "--tls-certificate", folder / "viewer.pem", "--tls-key", folder / "viewer.key")
        self.assertEqual(
            said, f"tdxd: --tls-certificate: {folder}/viewer.pem: "
            "is for clientAuth, not for serverAuth: no client would take it")

    def test_an_expired_certificate_is_served_and_said_loudly(self):
        self.pki.odd("old", begins=now() - datetime.timedelta(days=9), ends=now() - datetime.timedelta(days=3),
                     purpose="serverAuth")
        flags = ["--pki", self.pki.folder, "--tls-certificate", self.pki.certificate("old"), "--tls-key",
                 self.pki.key("old")]
        with Daemon("--listen-tls", "127.0.0.1:0", *flags) as daemon:
            tls = daemon.client().get("/host").json["tls"]
            self.assertIn(tls["certificates"][0]["daysLeft"], (-3, -4))
            record = daemon.wait_for_log("A certificate has expired")
            self.assertEqual((record["level"], record["metadata"]["what"]), ("error", "server certificate"))
            self.assertEqual(record["metadata"]["subject"], "CN=old")

    def test_the_environment_and_the_file_set_the_same(self):
        settings = self.scratch / "settings.json"
        settings.write_text(json.dumps({"tlsKey": str(self.pki.key("server")), "listenTls": ["[::1]:0"]}))
        environment = {"TDXD_PKI": str(self.pki.folder), "TDXD_CLIENT_CA": str(self.pki.certificate("ca"))}
        with Daemon("--config", settings, environment=environment) as daemon:
            daemon.wait_for_log("Serving", listener="tls-::1:0")


if __name__ == "__main__":
    unittest.main()
