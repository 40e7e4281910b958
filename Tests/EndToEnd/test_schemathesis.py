#!/usr/bin/env python3
"""schemathesis reads /openapi.json from the running daemon, throws requests at it, and must find nothing.

Run it with the interpreter that Tests/Contract/setup prints. TDXD_SCHEMATHESIS_EXAMPLES (50) says how many requests
each operation gets; TDXD_SCHEMATHESIS_SEED repeats a run.
"""

import os
import pathlib
import random
import subprocess
import sys
import tempfile
import unittest

from daemon import ROOT, Daemon, create, destroy

EXAMPLES = os.environ.get("TDXD_SCHEMATHESIS_EXAMPLES", "50")
SEED = os.environ.get("TDXD_SCHEMATHESIS_SEED", str(random.randrange(2**31)))
TIMEOUT_SECONDS = 900
# Some of the requests it finds are very long.
LINE_CHARACTERS = 400


class Schemathesis(unittest.TestCase):
    def test_it_finds_nothing(self):
        daemon = self.enterContext(Daemon(
            "--log-level", "notice", plain_roles=["admin"], hazards=["vpFlushSkipped", "keyPartlyConfigured"]))
        client = daemon.client()
        before = client.capacity()
        directory = self.enterContext(tempfile.TemporaryDirectory(prefix="tdxd-test-"))
        print(f"seed {SEED}, {EXAMPLES} examples", flush=True)
        # Something to find: a TD whose name the examples can hit.
        create(client, vcpus=2, name="web-7")
        result = subprocess.run(
            [
                pathlib.Path(sys.executable).parent / "schemathesis",
                "--config-file", ROOT / "Tests" / "Contract" / "schemathesis.toml",
                "run", f"http://{daemon.places()[1]}/openapi.json",
                "--max-examples", EXAMPLES, "--seed", SEED, "--workers", "1", "--no-color",
            ],
            cwd=directory, capture_output=True, text=True, timeout=TIMEOUT_SECONDS,
        )
        lines = (result.stdout + result.stderr).splitlines()
        print("\n".join(line[:LINE_CHARACTERS] for line in lines if line.strip()))
        self.assertEqual(result.returncode, 0)
        self.assertIsNone(daemon.process.poll(), "the daemon still runs")
        client = daemon.client()  # The first one's connection was idle too long.
        self.assertEqual(client.get("/readyz").json["ready"], True)
        for td in client.items("/tds"):
            destroy(client, td["id"])
        self.assertEqual(client.capacity(), before)
        errors = [record for record in daemon.log() if record["level"] in ("error", "critical")]
        bugs = [record for record in errors if "refused" not in record["message"].lower()]
        self.assertEqual(bugs, [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
