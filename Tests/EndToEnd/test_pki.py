#!/usr/bin/env python3
"""`tdxd pki`: what it makes is taken by another TLS library, both ways, and its refusals say why."""

import json
import pathlib
import re
import socket
import ssl
import subprocess
import tempfile
import threading
import unittest

from daemon import BINARY

RUN_SECONDS = 30
ROLES = ["viewer", "operator", "lab", "admin", "metrics"]


class Folder(unittest.TestCase):
    def setUp(self):
        self.scratch = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.folder = self.scratch / "pki"

    def pki(self, verb, *arguments, code=0):
        """Runs a verb on the folder; what it wrote to standard output, or to standard error if it should fail."""
        done = subprocess.run(
            [str(BINARY), "pki", verb, str(self.folder), *arguments], capture_output=True, text=True,
            timeout=RUN_SECONDS,
        )
        self.assertEqual(done.returncode, code, done)
        return done.stdout if code == 0 else done.stderr


class Handshakes(Folder):
    def setUp(self):
        super().setUp()
        self.pki("init", "--name", "tdx.example", "--address", "127.0.0.1")

    def context(self, purpose, name):
        context = ssl.create_default_context(purpose, cafile=self.folder / "ca.pem")
        context.load_cert_chain(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        context.verify_mode = ssl.CERT_REQUIRED
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    def handshake(self, name, server_name="tdx.example", version=ssl.TLSVersion.TLSv1_3):
        """The client's names as the server sees them; what the server says if it refuses."""
        server = self.context(ssl.Purpose.CLIENT_AUTH, "server")
        server.load_verify_locations(self.folder / "crl.pem")
        server.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
        client = self.context(ssl.Purpose.SERVER_AUTH, name)
        client.minimum_version = client.maximum_version = version
        ours, theirs = socket.socketpair()
        seen = []

        def serve():
            try:
                with server.wrap_socket(theirs, server_side=True) as connection:
                    seen.append(connection.getpeercert()["subjectAltName"])
                    connection.sendall(b"x")
            except ssl.SSLError as error:
                seen.append(error.verify_message if hasattr(error, "verify_message") else str(error))
                theirs.close()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            with client.wrap_socket(ours, server_hostname=server_name) as connection:
                connection.recv(1)
        except ssl.SSLCertVerificationError as error:
            ours.close()
            seen.append(error.verify_message)
        except OSError:
            pass  # The server refuses; what it said counts.
        thread.join()
        return seen

    def test_every_role_is_known_by_its_uri_with_tls_1_2_and_1_3(self):
        for role in ROLES:
            for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                seen = self.handshake(role, version=version)
                self.assertEqual(seen, [(("URI", f"spiffe://tdxd/role/{role}"),)])

    def test_the_server_is_known_by_name_and_address(self):
        self.assertEqual(len(self.handshake("viewer", "127.0.0.1")), 1)
        refused = self.handshake("viewer", "other.example")
        self.assertTrue(any("Hostname mismatch" in str(said) for said in refused), refused)

    def test_a_server_certificate_is_no_clients(self):
        self.assertEqual(self.handshake("server"), ["unsuitable certificate purpose"])

    def test_a_revoked_certificate_is_refused_and_its_replacement_is_not(self):
        said = self.pki("revoke", "lab", "--reason", "keyCompromise")
        self.assertRegex(said, r"^revoked (?:[0-9a-f]{2}){1,16}  spiffe://tdxd/role/lab\ncrl\.pem #2  1 revoked\n$")
        self.assertEqual(self.handshake("lab"), ["certificate revoked"])
        self.pki("issue", "lab", "--role", "lab", "--replace")
        self.assertEqual(self.handshake("lab"), [(("URI", "spiffe://tdxd/role/lab"),)])

    def test_a_user_gets_a_certificate_of_their_own(self):
        said = self.pki("issue", "alice", "--uri", "spiffe://tdxd/user/alice", "--days", "3")
        self.assertRegex(said, r"^alice\.pem  (?:[0-9a-f]{2}){1,16}  until \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\n$")
        self.assertEqual(self.handshake("alice"), [(("URI", "spiffe://tdxd/user/alice"),)])


class Verbs(Folder):
    def test_a_user_is_given_a_role_with_the_certificate(self):
        self.pki("init")
        roles = self.folder / "roles.json"
        given = json.loads(roles.read_text())["identities"]
        self.assertEqual(given, {f"spiffe://tdxd/role/{role}": role for role in ROLES})
        self.pki("issue", "alice", "--uri", "spiffe://tdxd/user/alice", "--role", "lab")
        given["spiffe://tdxd/user/alice"] = "lab"
        self.assertEqual(json.loads(roles.read_text())["identities"], given)
        again = ("issue", "alice", "--uri", "spiffe://tdxd/user/alice", "--replace", "--role")
        said = self.pki(*again, "admin", code=1)
        self.assertEqual(said, f"tdxd: {roles}: 'spiffe://tdxd/user/alice' has the role lab already\n")
        self.pki(*again, "lab")
        roles.write_text('{"identities": []}')
        said = self.pki(*again, "lab", code=1)
        self.assertEqual(said, f"tdxd: {roles}: is invalid: /identities: must be an object\n")

    def test_a_second_init_changes_nothing_unless_it_is_told_to(self):
        self.pki("init")
        before = (self.folder / "ca.pem").read_bytes()
        said = self.pki("init", code=1)
        self.assertEqual(said, f"tdxd: {self.folder}/ca.pem: exists already; see --replace\n")
        self.assertEqual((self.folder / "ca.pem").read_bytes(), before)
        said = self.pki("init", "--replace")
        aside = re.match(r"The folder that was there is now (\S+)\n", said)[1]
        self.assertEqual((pathlib.Path(aside) / "ca.pem").read_bytes(), before)
        self.assertNotEqual((self.folder / "ca.pem").read_bytes(), before)

    def test_keys_are_the_owners_alone(self):
        self.pki("init")
        self.assertEqual(self.folder.stat().st_mode & 0o777, 0o700)
        keys = list(self.folder.glob("*.key"))
        self.assertEqual(len(keys), 2 + len(ROLES))
        self.assertEqual({key.stat().st_mode & 0o777 for key in keys}, {0o600})

    def test_show_tells_what_ends_when_and_check_makes_it_an_exit_code(self):
        self.pki("init", "--days", "60")
        lines = self.pki("show", "--check").splitlines()
        self.assertEqual(lines[0].split(), ["FILE", "KIND", "IDENTITY", "NUMBER", "ENDS", "DAYS", "STATE"])
        self.assertEqual([line.split()[0] for line in lines[1:]], sorted(
            ["ca.pem", "crl.pem", "server.pem", *(f"{role}.pem" for role in ROLES)]))
        self.assertTrue(all(line.endswith("  good") for line in lines[1:]), lines)
        (self.folder / "admin.key").chmod(0o644)
        self.assertIn("may be read or changed by others (mode 0644)", self.pki("show"))
        self.pki("show", "--check", code=1)

    def test_refusals_say_why(self):
        said = self.pki("show", code=1)
        self.assertEqual(said, f"tdxd: {self.folder}: cannot open the folder: No such file or directory\n")
        self.pki("init")
        for arguments, why in [
            (("issue", "ca", "--role", "lab"), "'ca' cannot name a certificate's files"),
            (("issue", "bob", "--uri", "nothing"), "'nothing' is no URI"),
            (("issue", "bob", "--dns", "a b"), "'a b' is no host name"),
            (("issue", "bob", "--role", "lab", "--days", "99999"), "99999 days are not 1 to 36525"),
            (("issue", "bob", "--role", "lab", "--days", "9999"), "after its CA on"),
            (("issue", "lab", "--role", "lab"), "lab.pem: exists already; see --replace"),
            (("revoke", "bob"), "has no certificate with the name or serial number 'bob'"),
        ]:
            self.assertIn(why, self.pki(*arguments, code=1))
        for arguments in [
            ("issue", "bob"), ("issue", "bob", "--role", "boss"), ("issue", "bob", "--role", "lab", "--dns", "a"),
            ("issue", "bob", "--address", "1.2.3"), ("revoke", "lab", "--reason", "boredom"),
        ]:
            self.pki(*arguments, code=64)


if __name__ == "__main__":
    unittest.main()
