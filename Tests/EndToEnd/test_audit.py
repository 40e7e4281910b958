#!/usr/bin/env python3
"""The audit trail of a running daemon: what is in it, where it goes, and what happens when the disk is full."""

import json
import os
import signal
import stat
import subprocess
import time

from daemon import BINARY, Daemon, create, destroy


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def trail(daemon):
    return daemon.directory / "audit"


class Audited(Daemon):
    """A daemon with an audit file in its own directory."""

    def __init__(self, *flags, **others):
        super().__init__(**others)
        self.flags = ["--audit", str(trail(self)), *flags]


def changes_and_refusals():
    with Audited(plain_roles=("viewer",)) as daemon:
        client, viewer = daemon.client(), daemon.plain_client("viewer")
        td = create(client)["id"]
        assert client.get(f"/tds/{td}").status == 200
        assert viewer.delete(f"/tds/{td}?token=secret").status == 403
        destroy(client, td)
        written = lines(trail(daemon))
        me = f"uid:{os.geteuid()}"
        seen = [(line["principal"], line["method"], line["route"], line["status"]) for line in written]
        assert seen == [
            (me, "POST", "/tds", 201), ("plain:127.0.0.1", "DELETE", "/tds/{id}", 403), (me, "DELETE", "/tds/{id}", 200),
        ], seen
        created, refused, destroyed = written
        assert created["role"] == "admin" and created["pid"] == os.getpid() and created["transport"] == "unix"
        assert created["operation"] != destroyed["operation"]
        assert client.get(f"/operations/{created['operation']}").json["requestId"] == created["requestId"]
        assert refused["code"] == "role-too-small" and refused["address"] == "127.0.0.1", refused
        assert refused["target"] == f"/tds/{td}", refused
        assert [line["sequence"] for line in written] == [1, 2, 3]
        assert stat.S_IMODE(os.stat(trail(daemon)).st_mode) == 0o600
        assert not any(record["message"] == "audit" for record in daemon.records())


def hostile_target():
    with Audited() as daemon:
        client = daemon.client()
        for target in ("/x%0a%1b", '/"},{"message":"audit"', "/%e2%80%ae"):
            assert client.get(target).status in (400, 404)
        written = lines(trail(daemon))
        assert len(written) == 3 and all(line["method"] == "GET" for line in written), written
        assert written[1]["target"] == '/"},{"message":"audit"', written[1]


def rotation():
    """Moved away, the file is written on to until SIGHUP; a daemon that starts again appends."""
    with Audited("--audit-requests", "all") as daemon:
        client = daemon.client()
        assert client.get("/tds").status == 200
        moved = trail(daemon).with_suffix(".1")
        trail(daemon).rename(moved)
        assert client.get("/tds").status == 200
        assert len(lines(moved)) == 2 and not trail(daemon).exists()
        daemon.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 10
        while not trail(daemon).exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        # It exists a moment before it is written to.
        time.sleep(0.2)
        assert client.get("/tds").status == 200
        assert [line["sequence"] for line in lines(trail(daemon))] == [3]
        assert len(lines(moved)) == 2
        client.close()
        assert daemon.stop() == 0
        daemon.start()
        assert daemon.client().get("/tds").status == 200
        assert [line["sequence"] for line in lines(trail(daemon))] == [3, 1]


def standard_error():
    """Beside the log, and told from it by its message."""
    with Daemon() as daemon:
        client = daemon.client()
        create(client)
        trail_lines = [record for record in daemon.records() if record["message"] == "audit"]
        assert [line["status"] for line in trail_lines] == [201], trail_lines
    with Daemon("--audit", "off") as daemon:
        create(daemon.client())
        assert not any(record["message"] == "audit" for record in daemon.records())


def full_disk():
    """The daemon goes on, and is loud about it."""
    with Daemon("--audit", "/dev/full") as daemon:
        client = daemon.client()
        destroy(client, create(client)["id"])
        assert client.get("/readyz").status == 200
        metrics = client.get("/metrics").bytes.decode()
        assert "\ntdxd_audit_failures_total 2\n" in metrics, metrics
        errors = [record for record in daemon.log() if record["message"] == "The audit trail cannot be written"]
        assert len(errors) == 1 and errors[0]["metadata"]["reason"] == "no space is left on the device", errors


def unusable_file():
    command = [BINARY, "--module", "fake", "--socket", "/tmp/tdxd-audit.sock", "--audit", "/nonexistent/audit"]
    ended = subprocess.run(command, stderr=subprocess.PIPE, text=True, timeout=20)
    assert ended.returncode == 78 and "there is no such directory" in ended.stderr, ended


def flood():
    """Refusals of those who ask too fast are bounded; what they do once they may is not."""
    with Audited("--limit-requests-per-second", "1", "--limit-request-burst", "10") as daemon:
        client = daemon.client()
        for _ in range(400):
            client.get("/tds")
        written = lines(trail(daemon))
        assert 100 <= len(written) <= 101, len(written)
        assert {line["status"] for line in written} == {429}
        time.sleep(1.1)
        destroyed = client.delete("/tds/nobody")
        assert destroyed.status == 404, destroyed
        assert lines(trail(daemon))[-1]["status"] == 404


def main():
    for case in (
        changes_and_refusals, hostile_target, rotation, standard_error, full_disk, unusable_file, flood,
    ):
        case()
    print("Done: audit")


if __name__ == "__main__":
    main()
