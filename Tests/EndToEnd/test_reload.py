#!/usr/bin/env python3
"""Certificates, trust and roles are replaced while clients are at work: by SIGHUP, and by changing the files."""

import datetime
import json
import pathlib
import signal
import socket
import ssl
import tempfile
import threading
import time
import unittest

from certificates import Authority, now, presented
from daemon import Daemon

SETTLE_SECONDS = 10
RELOADS = 10
SPEC = {"spec": {"maxVcpus": 1}}


class KeepAlive(threading.Thread):
    """Asks over one connection without a pause, and counts."""

    def __init__(self, client):
        super().__init__()
        self.client = client
        self.answered = 0
        self.failures = []
        self.ended = threading.Event()
        self.client.get("/host/capacity")
        self.socket = client.connection.sock

    def run(self):
        while not self.ended.is_set():
            try:
                answer = self.client.get("/host/capacity")
                if answer.status != 200:
                    self.failures.append(answer)
                if self.client.connection.sock is not self.socket:
                    self.failures.append("the connection was dropped")
                    return
            except OSError as error:
                self.failures.append(error)
                return
            self.answered += 1

    def end(self):
        self.ended.set()
        self.join()


class Reload(unittest.TestCase):
    def setUp(self):
        self.scratch = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.pki = Authority(self.scratch / "pki")
        self.daemon = self.enterContext(Daemon("--listen-tls", "127.0.0.1:0", "--pki", self.pki.folder))
        self.admin = self.daemon.client()

    def until(self, what, is_so):
        deadline = time.monotonic() + SETTLE_SECONDS
        while not is_so():
            self.assertLess(time.monotonic(), deadline, f"{what}: not within {SETTLE_SECONDS} s")
            time.sleep(0.05)

    def tls(self):
        return self.admin.get("/host").json["tls"]

    def hangup(self):
        """SIGHUP, and what came of it."""
        before = self.reload_count()
        self.daemon.process.send_signal(signal.SIGHUP)
        self.until("the reload", lambda: self.reload_count() > before)
        return self.tls()["lastReload"]

    def reload_count(self):
        """How many reloads the log tells of; a file's change may have come before the signal."""
        return sum("trigger" in record.get("metadata", {}) for record in self.daemon.log())

    def closed(self, client):
        """Whether the other side has closed a connection that nobody uses."""
        client.connection.sock.settimeout(0)
        try:
            return client.connection.sock.recv(1) == b""
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        except (ConnectionResetError, ssl.SSLEOFError):
            return True
        finally:
            if client.connection.sock:
                client.connection.sock.settimeout(SETTLE_SECONDS)

    def test_ten_reloads_under_load_fail_no_request(self):
        workers = [
            KeepAlive(self.pki.client(self.daemon, "operator", ssl.TLSVersion.TLSv1_3)),
            KeepAlive(self.pki.client(self.daemon, "viewer", ssl.TLSVersion.TLSv1_2)),
        ]
        for worker in workers:
            worker.start()
        seen = {presented(self.daemon, self.pki)}
        for number in range(RELOADS):
            digits = self.pki.renew_server()
            if number % 2 == 0:
                self.assertEqual(self.hangup()["outcome"], "applied")
            self.until("the new certificate", lambda: presented(self.daemon, self.pki) == digits)
            self.until("/host", lambda: self.tls()["certificates"][0]["sha256"] == digits)
            seen.add(digits)
        for worker in workers:
            worker.end()
        self.assertEqual(len(seen), 1 + RELOADS)
        self.assertEqual([worker.failures for worker in workers], [[], []])
        answered = sum(worker.answered for worker in workers)
        self.assertGreater(answered, 100)
        triggers = {record["metadata"]["trigger"] for record in self.daemon.log() if "trigger" in record["metadata"]}
        self.assertEqual(triggers, {"signal", "fileChange"})
        print(f"{RELOADS} reloads with new certificates: {answered} requests on 2 connections, 0 failed")

    def test_a_revoked_clients_open_connection_is_closed_and_others_stay(self):
        clients = {name: self.pki.client(self.daemon, name) for name in ("lab", "operator")}
        for client in clients.values():
            self.assertEqual(client.get("/host").status, 200)
        other = clients["operator"].connection.sock
        self.pki.pki("revoke", "lab", "--reason", "superseded")
        self.until("the end of the connection", lambda: self.closed(clients["lab"]))
        self.assertEqual(clients["operator"].get("/host").status, 200)
        self.assertIs(clients["operator"].connection.sock, other)
        answer = self.pki.client(self.daemon, "lab").get("/host")
        self.assertEqual((answer.status, answer.json["code"]), (403, "client-certificate-revoked"))
        record = self.daemon.wait_for_log("Certificates, trust and roles are read anew", connectionsCut="1")
        self.assertEqual(record["metadata"]["trigger"], "fileChange")
        self.assertEqual([found["revokedCount"] for found in self.tls()["revocationLists"]], [1])

    def resumed(self, context, session):
        """A connection that resumes a session if there is one: whether it did, the status, and its own session."""
        address = ("127.0.0.1", self.daemon.tls_port())
        with socket.create_connection(address, SETTLE_SECONDS) as plain:
            with context.wrap_socket(plain, server_hostname="localhost", session=session) as connection:
                connection.sendall(b"GET /host HTTP/1.1\r\nHost: tdxd\r\n\r\n")
                status = int(connection.recv(1 << 16).split()[1])
                return connection.session_reused, status, connection.session

    def test_a_revoked_client_gains_nothing_by_resuming_its_session(self):
        sessions = []
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = self.pki.context("lab", version)
            reused, status, session = self.resumed(context, None)
            self.assertEqual((reused, status), (False, 200))
            reused, status, session = self.resumed(context, session)
            self.assertEqual((reused, status), (True, 200), version)
            sessions.append((context, session))
        self.pki.pki("revoke", "lab")
        self.assertEqual(self.hangup()["outcome"], "applied")
        for context, session in sessions:
            reused, status, _ = self.resumed(context, session)
            self.assertEqual((reused, status), (True, 403))

    def test_another_role_counts_from_the_next_request_on(self):
        client = self.pki.client(self.daemon, "viewer")
        self.assertEqual(client.post("/tds?dryRun=true", SPEC).status, 403)
        open_socket = client.connection.sock
        roles = json.loads((self.pki.folder / "roles.json").read_text())
        for role, status, code in [
            ("operator", 200, None), (None, 403, "client-identity-unknown"), ("viewer", 403, "role-too-small"),
        ]:
            roles["identities"].pop("spiffe://tdxd/role/viewer", None)
            if role:
                roles["identities"]["spiffe://tdxd/role/viewer"] = role
            (self.pki.folder / "roles.new").write_text(json.dumps(roles))
            (self.pki.folder / "roles.new").rename(self.pki.folder / "roles.json")
            self.assertEqual(self.hangup()["outcome"], "applied")
            answer = client.post("/tds?dryRun=true", SPEC)
            self.assertEqual((answer.status, answer.json.get("code")), (status, code), answer)
            # A refusal that has not read the body closes the connection; one that a role meets does not.
            if code != "client-identity-unknown":
                self.assertIs(client.connection.sock, open_socket)
            open_socket = client.connection.sock

    def test_what_does_not_hold_is_refused_as_a_whole(self):
        folder = self.pki.folder
        worker = KeepAlive(self.pki.client(self.daemon, "operator"))
        worker.start()
        first = presented(self.daemon, self.pki)
        loaded = self.tls()["loadedAt"]
        text = {name: (folder / name).read_bytes() for name in ("server.pem", "server.key", "crl.pem", "roles.json")}
        half = text["server.pem"][: len(text["server.pem"]) // 2]
        for name, content, reason in [
            ("server.pem", half, "is not PEM"),
            ("server.pem", b"", "is empty"),
            ("server.pem", (folder / "viewer.pem").read_bytes(), f"is not the key of {folder}/viewer.pem"),
            ("server.key", (folder / "viewer.key").read_bytes(), f"is not the key of {folder}/server.pem"),
            ("crl.pem", text["server.pem"], "holds CERTIFICATE where X509 CRL is expected"),
            ("roles.json", b'{"identities": {"x": "lab"}}', "/identities/x: is neither a URI nor sha256:<digits>"),
            ("roles.json", None, "cannot open it: No such file or directory"),
        ]:
            if content is None:
                (folder / name).unlink()
            else:
                (folder / name).write_bytes(content)
            report = self.hangup()
            self.assertEqual(report["outcome"], "refused", report)
            place = f"--pki: {folder}/{name}: "
            if "viewer.pem" not in reason:
                self.assertTrue(report["reason"].startswith(place) and reason in report["reason"], report)
            (folder / name).write_bytes(text[name])
            self.assertEqual(self.hangup()["outcome"], "applied")
        (folder / "server.key").chmod(0o644)
        self.assertIn("may be read or changed by others (mode 0644)", self.hangup()["reason"])
        (folder / "server.key").chmod(0o600)
        worker.end()
        self.assertEqual(worker.failures, [])
        self.assertEqual(presented(self.daemon, self.pki), first)
        self.assertGreaterEqual(self.tls()["loadedAt"], loaded)
        self.daemon.wait_for_log("New certificates, trust or roles cannot be used; the earlier ones stay")

    def test_an_expired_certificate_does_not_replace_one_that_counts(self):
        first = presented(self.daemon, self.pki)
        self.pki.odd("server", begins=now() - datetime.timedelta(days=9), ends=now() - datetime.timedelta(days=1),
                     purpose="serverAuth")
        report = self.hangup()
        self.assertEqual(report["outcome"], "refused")
        self.assertRegex(report["reason"], r"server\.pem: expired on 20\S+Z, and the one in use counts$")
        self.assertEqual(presented(self.daemon, self.pki), first)

    def test_a_slow_and_broken_writer_only_delays_what_it_writes(self):
        worker = KeepAlive(self.pki.client(self.daemon, "operator"))
        worker.start()
        self.pki.renew_server()
        key, certificate = ((self.pki.folder / f"server.{end}").read_bytes() for end in ("key", "pem"))
        self.pki.renew_server()
        self.until("the last", lambda: presented(self.daemon, self.pki) == self.pki.sha256("server"))
        with open(self.pki.folder / "server.pem", "wb", buffering=0) as file:
            for start in range(0, len(certificate), 200):
                file.write(certificate[start:start + 200])
                time.sleep(0.2)
        time.sleep(1.5)
        (self.pki.folder / "server.key").write_bytes(key)
        digits = self.pki.sha256("server")
        self.until("the certificate after its key", lambda: presented(self.daemon, self.pki) == digits)
        worker.end()
        self.assertEqual(worker.failures, [])

    def test_clients_go_when_their_time_is_over(self):
        ends = now() + datetime.timedelta(seconds=4)
        self.pki.odd("brief", "spiffe://tdxd/role/lab", ends=ends)
        brief, other = (self.pki.client(self.daemon, name) for name in ("brief", "operator"))
        self.assertEqual(brief.get("/host").status, 200)
        self.assertEqual(other.get("/host").status, 200)
        open_socket = other.connection.sock
        self.until("the end of the connection", lambda: self.closed(brief))
        self.assertGreaterEqual(now(), ends - datetime.timedelta(seconds=1))
        self.assertEqual(other.get("/host").status, 200)
        self.assertIs(other.connection.sock, open_socket)
        answer = self.pki.client(self.daemon, "brief").get("/host")
        self.assertEqual((answer.status, answer.json["code"]), (403, "client-certificate-expired"))

    def test_an_outdated_revocation_list_closes_the_door_until_there_is_a_newer_one(self):
        client = self.pki.client(self.daemon, "operator")
        self.assertEqual(client.get("/host").status, 200)
        self.pki.short_list(4)
        self.until("the end of the connection", lambda: self.closed(client))
        answer = self.pki.client(self.daemon, "operator").get("/host")
        self.assertEqual((answer.status, answer.json["code"]), (403, "client-certificate-revocation-unknown"))
        self.assertIn("the revocation list of its CA is outdated", answer.json["detail"])
        self.daemon.wait_for_log("A revocation list is outdated: nobody of its CA is let in", what="revocation list")
        self.assertLess(self.tls()["revocationLists"][0]["daysLeft"], 1)
        self.pki.short_list(3600)
        self.until(
            "the newer list", lambda: self.pki.client(self.daemon, "operator").get("/host").status == 200)

    def test_without_tls_there_is_nothing_to_read(self):
        with Daemon() as plain:
            plain.process.send_signal(signal.SIGHUP)
            plain.wait_for_log("There is nothing to read anew: TLS is not configured")
            self.assertNotIn("tls", plain.client().get("/host").json)


if __name__ == "__main__":
    unittest.main()
