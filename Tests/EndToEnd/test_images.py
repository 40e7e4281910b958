#!/usr/bin/env python3
"""Images: sent, checked, kept under a cap, deleted; and what is left after a crash, a lost client and a damaged file."""

import base64
import hashlib
import os
import pathlib
import signal
import time
import unittest

from daemon import Daemon

OCTETS = {"Content-Type": "application/octet-stream"}
MIB = 1 << 20


def name(content):
    return "sha384:" + hashlib.sha384(content).hexdigest()


def send(client, content, **headers):
    return client.request("POST", "/images", content, {**OCTETS, **headers})


def resident_peak(pid):
    """KiB."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    raise AssertionError("no VmHWM")


class Images(unittest.TestCase):
    def start(self, *flags, **options):
        daemon = self.enterContext(Daemon(*flags, **options))
        return daemon, daemon.client()

    def files(self, daemon):
        return sorted(path.name for path in (daemon.directory / "images").iterdir())

    def test_a_large_image_is_stored_once_and_takes_no_memory(self):
        daemon, client = self.start()
        before = resident_peak(daemon.process.pid)
        content = os.urandom(MIB) * 128
        sha256 = base64.b64encode(hashlib.sha256(content).digest()).decode()
        answer = send(client, content, **{"Content-Digest": f"sha-256=:{sha256}:"})
        self.assertEqual(answer.status, 201, answer)
        self.assertEqual(answer.json["digest"], name(content))
        self.assertEqual(answer.json["sizeBytes"], len(content))
        self.assertEqual(send(client, content).status, 200)
        peak = resident_peak(daemon.process.pid)
        print(f"128 MiB sent twice: peak of resident memory {peak} KiB, {peak - before} more than before")
        self.assertLess(peak - before, 24 * 1024)
        self.assertEqual(self.files(daemon), [hashlib.sha384(content).hexdigest() + ".image"])
        self.assertEqual(client.get("/images").json["usedBytes"], len(content))
        shown = client.get("/images/" + name(content))
        self.assertEqual(shown.json["state"], "ready")
        self.assertEqual(client.request("HEAD", "/images/" + name(content)).status, 200)
        self.assertEqual(client.delete("/images/" + name(content)).status, 200)
        self.assertEqual(self.files(daemon), [])

    def test_chunks_of_unknown_length_are_an_image_too(self):
        _, client = self.start()
        pieces = [os.urandom(100_000) for _ in range(20)]
        client.connection.request("POST", "/images", iter(pieces), OCTETS, encode_chunked=True)
        response = client.connection.getresponse()
        self.assertEqual(response.status, 201)
        response.read()
        self.assertEqual(client.get("/images").json["items"][0]["digest"], name(b"".join(pieces)))

    def test_a_client_that_hangs_up_leaves_nothing(self):
        daemon, client = self.start()
        lost = daemon.client()
        lost.connection.putrequest("POST", "/images")
        for field, value in {**OCTETS, "Content-Length": str(64 * MIB)}.items():
            lost.connection.putheader(field, value)
        lost.connection.endheaders(os.urandom(MIB))
        deadline = time.monotonic() + 10
        while client.get("/images").json["usedBytes"] == 0 and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertEqual(client.get("/images").json["usedBytes"], 64 * MIB)
        lost.close()
        while client.get("/images").json["usedBytes"] > 0 and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertEqual(client.get("/images").json["usedBytes"], 0)
        self.assertEqual(self.files(daemon), [])

    def test_a_crash_leaves_nothing_but_what_was_whole_and_damage_is_found(self):
        daemon, client = self.start()
        good, bad = os.urandom(3 * MIB), os.urandom(2 * MIB)
        for content in (good, bad):
            self.assertEqual(send(client, content).status, 201)
        lost = daemon.client()
        lost.connection.putrequest("POST", "/images")
        for field, value in {**OCTETS, "Content-Length": str(64 * MIB)}.items():
            lost.connection.putheader(field, value)
        lost.connection.endheaders(os.urandom(MIB))
        deadline = time.monotonic() + 10
        while not any(file.endswith(".part") for file in self.files(daemon)) and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertEqual(len(self.files(daemon)), 3)
        daemon.process.send_signal(signal.SIGKILL)
        daemon.process.wait()
        path = daemon.directory / "images" / (hashlib.sha384(bad).hexdigest() + ".image")
        with open(path, "r+b") as file:
            file.seek(MIB)
            file.write(b"not what was there")
        daemon.start()
        client = daemon.client()
        self.assertEqual(len(self.files(daemon)), 2)
        states = {item["digest"]: item["state"] for item in client.items("/images")}
        self.assertEqual(states, {name(good): "unchecked", name(bad): "unchecked"})
        for content, status in ((good, 200), (bad, 409)):
            region = {"gpa": "0x0", "imageDigest": name(content)}
            answer = client.post("/tds?dryRun=true", {"spec": {"maxVcpus": 1, "memory": [region]}})
            self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer.json["code"], "image-damaged")
        self.assertEqual(answer.json["violations"][0]["pointer"], "/spec/memory/0/imageDigest")
        states = {item["digest"]: item["state"] for item in client.items("/images")}
        self.assertEqual(states, {name(good): "ready", name(bad): "damaged"})
        self.assertEqual(send(client, bad).status, 200)
        self.assertEqual(client.get("/images/" + name(bad)).json["state"], "ready")

    def test_the_cap_holds_and_what_a_td_names_stays(self):
        daemon, client = self.start("--images-capacity", "3")
        contents = [os.urandom(MIB) for _ in range(4)]
        for content in contents[:3]:
            self.assertEqual(send(client, content).status, 201)
        region = {"gpa": "0x0", "imageDigest": name(contents[0])}
        td = client.post("/tds", {"spec": {"maxVcpus": 1, "memory": [region]}}, {"Prefer": "wait=30"})
        self.assertEqual(td.status, 201, td)
        refused = client.delete("/images/" + name(contents[0]))
        self.assertEqual((refused.status, refused.json["code"]), (409, "image-in-use"))
        self.assertEqual(refused.json["usedBy"], [td.json["id"]])
        # The one that was unused for longest and that no TD names makes room.
        self.assertEqual(send(client, contents[3]).status, 201)
        left = {item["digest"] for item in client.items("/images")}
        self.assertEqual(left, {name(contents[0]), name(contents[2]), name(contents[3])})
        full = send(client, os.urandom(3 * MIB))
        self.assertEqual((full.status, full.json["code"]), (507, "image-storage-full"))
        self.assertEqual(full.json["capacity"]["resource"], "imageBytes")
        large = send(client, os.urandom(3 * MIB + 1))
        self.assertEqual((large.status, large.json["code"]), (413, "payload-too-large"))
        self.assertEqual(client.delete("/tds/" + td.json["id"], {"Prefer": "wait=30"}).json["state"], "succeeded")
        self.assertEqual(client.delete("/images/" + name(contents[0])).status, 200)
        self.assertEqual(len(self.files(daemon)), 2)

    def test_a_role_too_small_is_told_before_it_sends_anything(self):
        daemon, _ = self.start(plain_roles=["viewer"])
        viewer = daemon.plain_client("viewer")
        viewer.connection.putrequest("POST", "/images")
        for field, value in {**OCTETS, "Content-Length": str(1 << 40), "Expect": "100-continue"}.items():
            viewer.connection.putheader(field, value)
        viewer.connection.endheaders()
        response = viewer.connection.getresponse()
        self.assertEqual(response.status, 403)

    def test_a_directory_that_cannot_be_used_ends_the_start_with_the_reason(self):
        with self.assertRaises(AssertionError) as raised:
            with Daemon("--images-directory", "/proc/images"):
                pass
        self.assertIn("--images-directory: /proc/images cannot be created", str(raised.exception))


if __name__ == "__main__":
    unittest.main(verbosity=2)
