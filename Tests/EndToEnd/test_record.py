#!/usr/bin/env python3
"""`tdxd --record`: a run that is recorded and replayed agrees with itself, whatever happens to the daemon or the disk."""

import collections
import contextlib
import json
import os
import pathlib
import signal
import stat
import subprocess
import tempfile
import threading
import unittest

from daemon import BINARY, Daemon, create, destroy
from test_images import send

WRITE_BACK = ("--fake-write-back-ms", "5")


def tdxd(*arguments):
    return subprocess.run(
        [str(BINARY), *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60
    )


class Record(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.file = self.directory / "recording.json"

    def steps(self, file=None):
        recording = json.loads((file or self.file).read_text())
        self.assertEqual(list(recording), ["meta", "traces"])
        self.assertEqual(len(recording["traces"]), 1)
        return recording["traces"][0]["steps"]

    def leaves(self, steps):
        return collections.Counter(step["op"] for step in steps if step["op"].startswith("TDH."))

    def replay(self, file=None, expected="1 traces: 1 agree, 0 differ"):
        done = tdxd("trace", "replay", file or self.file)
        self.assertEqual(done.stdout.splitlines()[-1:], [expected], done)
        self.assertEqual(done.returncode, 0, done)
        return done.stdout

    def life(self, client, lab=True):
        td = create(client, vcpus=2)["id"]
        if lab:
            for path, completion in (
                ("vcpus/1/actions/flush", "TDX_SUCCESS"),
                ("actions/free-key", "TDX_LIFECYCLE_STATE_INCORRECT"),
                ("actions/add-tdcs-page", "TDX_OP_STATE_INCORRECT"),
            ):
                answer = client.post(f"/tds/{td}/{path}", {})
                self.assertEqual((answer.status, answer.json["completion"]["name"]), (200, completion), answer)
            for field in ("TD_UUID", "MAX_VCPUS", "TSC_OFFSET"):
                self.assertEqual(client.get(f"/tds/{td}/fields/{field}").status, 200)
            self.assertEqual(client.get(f"/tds/{td}/vcpus/1/fields/VCPU_INDEX").status, 200)
        destroy(client, td)

    def test_a_life_is_recorded_call_by_call_and_agrees_with_itself(self):
        with Daemon("--record", self.file) as daemon:
            client = daemon.client()
            self.life(client)
            shown = client.items("/seamcalls")
            calls = [step for step in self.steps() if step["op"].startswith("TDH.")]
            self.assertEqual([call["op"] for call in calls], [call["leaf"] for call in shown])
            self.assertEqual([call["status"] for call in calls], [call["completion"]["value"] for call in shown])
        self.assertEqual(stat.S_IMODE(self.file.stat().st_mode), 0o600)
        self.assertEqual(self.leaves(self.steps())["TDH.MNG.CREATE"], 1)
        self.replay()

    def test_parallel_clients_with_interrupted_write_backs_agree_with_themselves(self):
        with Daemon("--record", self.file, "--fake-processors", "8", *WRITE_BACK) as daemon:
            threads = [
                threading.Thread(target=lambda: [self.life(daemon.client()) for _ in range(5)]) for _ in range(8)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        steps = self.steps()
        self.assertEqual(self.leaves(steps)["TDH.MNG.CREATE"], 40)
        self.assertGreater(sum(step.get("concurrent", False) for step in steps), 0)
        self.assertGreater(sum(step["op"] == "interrupt.pending" for step in steps), 0)
        self.replay()

    def test_a_measured_launch_and_a_second_daemons_are_the_same_and_replay_with_the_same_measurement(self):
        # What is not a multiple of a page, and zeroes, both of which must reach the module as they are.
        content = os.urandom(60 * 1024) + bytes(8192) + os.urandom(5000)
        other = self.directory / "other.json"
        mrtds = []
        for file in (self.file, other):
            with Daemon("--record", file) as daemon:
                client = daemon.client()
                digest = send(client, content).json["digest"]
                spec = {"memory": [{"gpa": "0xff000000", "imageDigest": digest}], "buildUntil": "finalized"}
                td = create(client, vcpus=1, spec=spec)
                mrtds.append(td["status"]["measurement"]["mrtd"])
                # Read back over the module, so that the replay has to come to the same.
                self.assertEqual(client.get(f"/tds/{td['id']}/measurement").json["actualMrtd"], mrtds[-1])
                destroy(client, td["id"])
            self.replay(file)
        self.assertEqual(mrtds[0], mrtds[1])
        leaves = self.leaves(self.steps())
        self.assertEqual((leaves["TDH.MEM.PAGE.ADD"], leaves["TDH.MR.EXTEND"]), (19, 19 * 16))
        same = tdxd("trace", "diff", self.file, other)
        self.assertEqual((same.returncode, same.stderr), (0, ""), same)

    def test_killed_at_any_time_it_leaves_a_whole_recording(self):
        with Daemon("--record", self.file) as daemon:
            stop = threading.Event()

            def work():
                with contextlib.suppress(OSError):
                    client = daemon.client()
                    while not stop.is_set():
                        self.life(client, lab=False)

            workers = [threading.Thread(target=self.quietly, args=(work,)) for _ in range(4)]
            for worker in workers:
                worker.start()
            while self.file.stat().st_size < 300_000:
                stop.wait(0.01)
            daemon.process.send_signal(signal.SIGKILL)
            daemon.process.wait()
            stop.set()
            for worker in workers:
                worker.join()
        self.assertGreater(len(self.replay()), 0)
        self.assertGreater(self.leaves(self.steps())["TDH.MNG.CREATE"], 5)
        # And one whose last line was cut off in the middle, as a failing host may leave it.
        torn = self.directory / "torn.json"
        torn.write_bytes(self.file.read_bytes()[:-40])
        self.assertIn("the recording ends within a line", self.replay(torn))

    @staticmethod
    def quietly(work):
        """The server goes away in the middle: whatever that looks like to a client."""
        with contextlib.suppress(Exception):
            work()

    def test_two_runs_are_compared(self):
        other = self.directory / "other.json"
        for file, keys in ((self.file, "31"), (other, "60")):
            with Daemon("--record", file, "--fake-keyids", keys) as daemon:
                client = daemon.client()
                self.life(client)
                if file == other:
                    self.life(client, lab=False)
        same = tdxd("trace", "diff", self.file, self.file, "--by", "whole")
        self.assertEqual((same.returncode, same.stderr), (0, ""))
        differ = tdxd("trace", "diff", self.file, other, "--json")
        self.assertEqual(differ.returncode, 1)
        [report] = json.loads(differ.stdout)["traces"]
        self.assertEqual((report["differ"], report["onlyInFirst"]), (0, 0), report)
        self.assertEqual(report["onlyInSecond"], 50)
        self.assertEqual({parting["kind"] for parting in report["differences"]}, {"onlyInSecond"})
        self.assertEqual({parting.get("td") for parting in report["differences"]} - {None}, {2})
        missing = tdxd("trace", "diff", self.file, self.directory / "none")
        self.assertEqual(missing.returncode, 2)
        self.assertIn("there is no such file", missing.stderr)

    def test_at_its_size_limit_it_says_so_and_the_daemon_goes_on(self):
        with Daemon("--record", self.file, "--record-limit-mib", "1") as daemon:
            client = daemon.client()
            while self.file.stat().st_size < (1 << 20) - 2000:
                self.life(client, lab=False)
            for _ in range(3):
                self.life(client, lab=False)
            record = daemon.wait_for_log("The recording has stopped; what it holds is whole")
            self.assertEqual(record["level"], "error")
            self.assertIn("it would exceed 1048576 bytes", record["metadata"]["reason"])
            self.assertEqual(sum("recording has stopped" in record["message"] for record in daemon.log()), 1)
        self.assertLessEqual(self.file.stat().st_size, 1 << 20)
        self.assertEqual(self.steps()[-1]["op"], "fact")
        self.replay()

    @unittest.skipUnless(os.geteuid() == 0, "a small file system can be mounted by root only")
    def test_on_a_full_disk_it_says_so_and_the_daemon_goes_on(self):
        small = self.directory / "small"
        small.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(small)], capture_output=True)
        if mounted.returncode != 0:
            self.skipTest("nothing may be mounted here")
        self.addCleanup(subprocess.run, ["umount", str(small)], check=True)
        file = small / "recording.json"
        with Daemon("--record", file) as daemon:
            client = daemon.client()
            before = client.capacity()
            for _ in range(10):
                self.life(client, lab=False)
            record = daemon.wait_for_log("The recording has stopped; what it holds is whole")
            self.assertIn("no space is left on the device", record["metadata"]["reason"])
            self.assertEqual(client.capacity(), before)
        self.assertGreater(self.leaves(self.steps(file))["TDH.MNG.ADDCX"], 6)
        self.replay(file)

    def test_a_file_that_is_there_is_not_overwritten(self):
        self.file.write_text("somebody's")
        done = tdxd("--module", "fake", "--socket", self.directory / "socket", "--record", self.file)
        self.assertEqual(done.returncode, 78)
        self.assertIn("a recording is never overwritten", done.stderr)
        self.assertEqual(self.file.read_text(), "somebody's")
        nowhere = tdxd("--module", "fake", "--socket", self.directory / "socket", "--record", "/nowhere/recording")
        self.assertEqual(nowhere.returncode, 78)
        self.assertIn("there is no such directory", nowhere.stderr)


if __name__ == "__main__":
    unittest.main()
