#!/usr/bin/env python3
"""The kernel shim as a back end where there is none: each reason has its exit code and says what to do. And the
acceptance run of `tdxd lab verify` on the software model."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from daemon import BINARY

SECONDS = 60


def tdxd(*arguments, binary=BINARY, **options):
    return subprocess.run([binary, *map(str, arguments)], capture_output=True, text=True, timeout=SECONDS, **options)


class Shim(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))

    def serve(self, device, **options):
        return tdxd(
            "--module", "shim", "--shim-device", device, "--state-directory", self.folder / "state",
            "--socket", self.folder / "tdxd.sock", **options)

    def check(self, answer, code, *words):
        self.assertEqual(answer.returncode, code, answer)
        self.assertEqual(answer.stdout, "")
        for word in words:
            self.assertIn(word, answer.stderr)
        self.assertRegex(tdxd("--help").stdout, rf"\n\s+{code}\s")

    def test_no_device(self):
        self.check(self.serve(self.folder / "tdx_shim"), 80, "modprobe tdx_shim", "--module fake")

    def test_something_else(self):
        self.check(self.serve("/dev/null"), 82, "same release")

    @unittest.skipIf(os.geteuid() != 0, "only root can become somebody who may not open it")
    def test_not_permitted(self):
        device = self.folder / "tdx_shim"
        device.touch(mode=0o600)
        self.folder.chmod(0o755)
        # Others may not reach the build, which can lie in somebody's home.
        binary = shutil.copy(BINARY, self.folder)
        answer = self.serve(device, binary=binary, preexec_fn=lambda: os.setuid(65534))
        self.check(answer, 81, "CAP_SYS_ADMIN")

    def test_nothing_is_left_behind(self):
        self.serve("/dev/null")
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_administration(self):
        for command in (["sessions"], ["reclaim", "1f"], ["forget", "1f"]):
            self.check(tdxd("shim", *command, "--shim-device", self.folder / "tdx_shim"), 80, "modprobe tdx_shim")
        self.assertEqual(tdxd("shim", "reclaim", "not a session").returncode, 64)


class Verify(unittest.TestCase):
    def test_on_the_model(self):
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        record = folder / "verify.jsonl"
        answer = tdxd("lab", "verify", "--module", "fake", "--record", record)
        self.assertEqual(answer.returncode, 0, answer)
        calls = [int(number) for number in re.findall(r"^  (\d+)\. TDH\.", answer.stdout, re.MULTILINE)]
        self.assertEqual(calls, list(range(1, len(calls) + 1)))
        self.assertIn(f"{len(calls)} calls, recorded in {record}", answer.stdout)
        self.assertIn("1 traces: 1 agree, 0 differ", answer.stdout)
        self.assertEqual(answer.stdout.count("refused, as it must be"), 2)
        self.assertEqual(record.stat().st_mode & 0o777, 0o600)
        replay = tdxd("trace", "replay", record)
        self.assertEqual(replay.returncode, 0, replay)
        again = tdxd("lab", "verify", "--module", "fake", "--record", record)
        self.assertEqual(again.returncode, 78, again)

    def test_without_the_device(self):
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        answer = tdxd("lab", "verify", "--module", "shim", "--shim-device", folder / "none", "--record", folder / "r")
        self.assertEqual(answer.returncode, 80, answer)
        self.assertFalse((folder / "r").exists())


if __name__ == "__main__":
    unittest.main()
