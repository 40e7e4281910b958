#!/usr/bin/env python3
"""The fake as a process of its own: `tdxd fake-module --serve SOCKET` and `tdxd --module fake:SOCKET`."""

import os
import pathlib
import signal
import stat
import subprocess
import tempfile
import threading
import time
import unittest

from daemon import BINARY, Daemon, broken_invariants, create, destroy


class FakeModule:
    """`with FakeModule(flags) as module: Daemon("--module", module.choice)`"""

    def __init__(self, directory, *flags):
        self.socket = pathlib.Path(directory) / "module.sock"
        self.log = pathlib.Path(directory) / f"module-{time.monotonic_ns()}.log"
        self.flags = flags
        self.choice = f"fake:{self.socket}"

    def __enter__(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [str(BINARY), "fake-module", "--serve", str(self.socket), *self.flags], stderr=log,
                stdin=subprocess.DEVNULL,
            )
        self.wait_for_log("Serving the fake module")
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
        code = self.process.wait(20)
        assert code in (0, -signal.SIGKILL), f"{code}: {self.log.read_text()}"

    def wait_for_log(self, text, seconds=20):
        deadline = time.monotonic() + seconds
        while text not in self.log.read_text():
            assert self.process.poll() is None and time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.02)


def told(calls):
    """What a call asked and was answered; times and identities apart."""
    return [(call["leaf"], call["in"], call["out"], call["completion"]["value"], call["processor"]) for call in calls]


class ServedFake(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))

    def test_a_life_has_the_same_50_calls_as_on_the_fake_in_the_process(self):
        lives = []
        with FakeModule(self.directory) as module:
            self.assertEqual(stat.S_IMODE(module.socket.stat().st_mode), 0o600)
            for flags in ((), ("--module", module.choice)):
                with Daemon(*flags) as daemon:
                    client = daemon.client()
                    before = client.capacity()
                    destroy(client, create(client, vcpus=2)["id"])
                    self.assertEqual(client.capacity(), before)
                    lives.append(told(client.items("/seamcalls")))
                    backend = client.get("/host").json["backend"]
            self.assertEqual((backend["kind"], backend["hardware"]), ("fake", False))
            self.assertIn("another process", backend["description"])
        self.assertFalse(module.socket.exists())
        self.assertEqual(len(lives[0]), 50)
        self.assertEqual(lives[0], lives[1])

    def test_parallel_clients_and_a_recording_that_replays(self):
        recording = self.directory / "recording.json"
        flags = ("--fake-write-back-ms", "5", "--fake-processors", "8")
        with FakeModule(self.directory, *flags) as module:
            with Daemon("--module", module.choice, "--record", recording) as daemon:
                before = daemon.client().capacity()

                def work():
                    client = daemon.client()
                    for _ in range(4):
                        destroy(client, create(client, vcpus=2)["id"])

                threads = [threading.Thread(target=work) for _ in range(6)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                self.assertEqual(daemon.client().capacity(), before)
            module.wait_for_log("A client has gone")
        replay = subprocess.run([str(BINARY), "trace", "replay", str(recording)], stdout=subprocess.PIPE, text=True)
        self.assertEqual(replay.stdout, "1 traces: 1 agree, 0 differ\n")

    def test_recordings_replay_through_the_socket(self):
        recordings = pathlib.Path(__file__).resolve().parents[1] / "Recordings"
        with FakeModule(self.directory) as module:
            for name, count in ("traces", 243), ("random", 8):
                done = subprocess.run(
                    [str(BINARY), "trace", "replay", "--module", module.choice, str(recordings / f"{name}.json")],
                    stdout=subprocess.PIPE, text=True, timeout=120,
                )
                self.assertEqual(done.stdout, f"{count} traces: {count} agree, 0 differ\n")
                self.assertEqual(done.returncode, 0)
        done = subprocess.run(
            [str(BINARY), "trace", "replay", "--module", module.choice, str(recordings / "random.json")],
            stdout=subprocess.PIPE, text=True, timeout=20,
        )
        self.assertEqual(done.returncode, 2)
        self.assertIn("there is no such socket", done.stdout)

    def test_the_module_outlives_a_daemon_that_is_killed_and_keeps_what_it_holds(self):
        with FakeModule(self.directory) as module:
            with Daemon("--module", module.choice) as daemon:
                td = create(daemon.client(), vcpus=2)
                self.assertEqual(td["status"]["keyId"], 33)
                daemon.process.send_signal(signal.SIGKILL)
                daemon.process.wait()
            module.wait_for_log("A client has gone")
            log = module.log.read_text()
            self.assertRegex(log, "pagesThatStay=19")
            self.assertRegex(log, "keyIdsThatStay=1")
            with Daemon("--module", module.choice) as daemon:
                client = daemon.client()
                other = create(client, vcpus=2)
                self.assertEqual(other["status"]["keyId"], 34)
                addresses = {call["in"]["rcx"] for call in client.items("/seamcalls")}
                self.assertGreater(len(addresses), 10)
                destroy(client, other["id"])

    def test_a_daemon_killed_in_the_middle_of_a_creation_is_succeeded_by_one_that_has_its_tds(self):
        state = self.directory / "state"
        flags = ("--fake-call-us", "5000", "--fake-key-config-us", "5000")
        with FakeModule(self.directory, *flags) as module:
            with Daemon("--module", module.choice, "--state-directory", state) as daemon:
                client = daemon.client()
                before = client.capacity()
                whole = create(client, vcpus=2)
                client.post("/tds", {"spec": {"maxVcpus": 4, "vcpuCount": 4}}, {"Prefer": "respond-async"})
                # After the TD's own pages and before its last vCPU.
                while sum(call["leaf"] == "TDH.VP.CREATE" for call in client.items("/seamcalls")) < 4:
                    time.sleep(0.005)
                daemon.process.send_signal(signal.SIGKILL)
                daemon.process.wait()
            files = list(state.glob("fake-session*"))
            self.assertEqual([stat.S_IMODE(file.stat().st_mode) for file in files], [0o600])
            with Daemon("--module", module.choice, "--state-directory", state) as daemon:
                client = daemon.client()
                # Every page is free or a TD's, and so is every KeyID; nothing is in doubt.
                tds = client.get("/tds").json["items"]
                self.assertEqual([td["status"]["phase"] for td in tds], ["unknown", "unknown"])
                self.assertEqual({td["status"]["keyId"] for td in tds}, {33, 34})
                self.assertEqual([td["status"]["keyConfiguredPackages"] for td in tds], [[0, 1], [0, 1]])
                kept = next(td for td in tds if td["status"]["keyId"] == whole["status"]["keyId"])
                self.assertEqual(kept["status"]["pages"], whole["status"]["pages"])
                self.assertEqual(kept["status"]["lifecycleState"], "KEYS_CONFIGURED")
                self.assertEqual(kept["status"]["stateSource"], "read")
                capacity = client.capacity()
                pages = sum(td["status"]["pages"]["totalBytes"] for td in tds) // 4096
                self.assertGreater(pages, 19)
                self.assertEqual((capacity["pages"]["held"], capacity["pages"]["quarantined"]), (pages, 0))
                self.assertEqual((capacity["keyIds"]["held"], capacity["keyIds"]["quarantined"]), (2, 0))
                invariants = client.get("/invariants").json
                self.assertEqual((broken_invariants(invariants), invariants["notChecked"]), ([], 3))
                for td in tds:
                    destroy(client, td["id"])
                self.assertEqual(client.capacity(), before)
                # As long as it is there, nobody else has its session.
                second = subprocess.run(
                    [str(BINARY), "--module", module.choice, "--socket", str(self.directory / "s"),
                     "--state-directory", str(state)], stderr=subprocess.PIPE, text=True, timeout=30,
                )
                self.assertEqual(second.returncode, 88, second)
                self.assertIn("another tdxd runs with the same state directory", second.stderr)
            self.assertNotIn("would punish", module.log.read_text())

    def test_a_module_that_dies_is_told_of_and_the_daemon_lives_on(self):
        with FakeModule(self.directory) as module:
            with Daemon("--module", module.choice, "--drain-timeout", "1") as daemon:
                client = daemon.client()
                create(client, vcpus=1)
                module.process.kill()
                module.process.wait()
                answer = client.post("/tds", {"spec": {"maxVcpus": 1}}, {"Prefer": "wait=5"})
                self.assertGreaterEqual(answer.status, 500, answer)
                self.assertIn("nobody listens there", answer.bytes.decode())
                self.assertEqual(client.get("/livez").status, 200)
                # Another module in the same place is not ours: nothing is done to it.
                with FakeModule(self.directory):
                    answer = client.post("/tds", {"spec": {"maxVcpus": 1}}, {"Prefer": "wait=5"})
                    self.assertGreaterEqual(answer.status, 500, answer)
                    self.assertIn("no such session", answer.bytes.decode())

    def test_without_a_module_the_daemon_does_not_start_and_says_why(self):
        for choice, text, code in (
            (f"fake:{self.directory}/none", "there is no such socket", 69),
            (f"fake:{__file__}", "nobody listens there", 69),
            ("fake:", "must be auto, fake, fake:SOCKET or shim", 64),
        ):
            done = subprocess.run(
                [str(BINARY), "--module", choice, "--socket", str(self.directory / "s")], stderr=subprocess.PIPE,
                text=True, timeout=20,
            )
            self.assertEqual(done.returncode, code, done)
            self.assertIn(text, done.stderr)

    def test_a_place_that_is_taken_is_not_served_and_a_name_left_behind_is(self):
        with FakeModule(self.directory) as module:
            done = subprocess.run(
                [str(BINARY), "fake-module", "--serve", str(module.socket)], stderr=subprocess.PIPE, text=True,
                timeout=20,
            )
            self.assertEqual(done.returncode, 73, done)
            self.assertIn("somebody serves there already", done.stderr)
            module.process.kill()
            module.process.wait()
        self.assertTrue(module.socket.exists())
        with FakeModule(self.directory):
            pass
        self.assertFalse(module.socket.exists())

    @unittest.skipUnless(os.geteuid() == 0, "only root can be somebody else")
    def test_another_user_is_shut_out(self):
        with FakeModule(self.directory) as module:
            # As if somebody had opened the directory and the socket to everybody.
            self.directory.chmod(0o755)
            module.socket.chmod(0o666)
            probe = (
                "import socket, sys; s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); "
                "s.settimeout(10); s.connect(sys.argv[1]); sys.exit(0 if s.recv(100) == b'' else 1)"
            )
            done = subprocess.run(["python3", "-c", probe, str(module.socket)], user=65534, timeout=20)
            self.assertEqual(done.returncode, 0)
            module.wait_for_log("A client is shut out")


if __name__ == "__main__":
    unittest.main()
