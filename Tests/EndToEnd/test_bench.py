#!/usr/bin/env python3
"""deploy/bench can measure: one short round of everything but the comparison that takes minutes to build."""

import http.server
import json
import os
import pathlib
import subprocess
import sys
import threading
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Tests" / "Benchmark"))

import figures  # noqa: E402

PARTS = ("plain", "tls", "handshake", "lifecycle", "start", "memory")
GOALS = 7
SECONDS_MAX = 300


class Bench(unittest.TestCase):
    def run_bench(self, *arguments):
        return subprocess.run(
            [ROOT / "deploy" / "bench", *arguments], capture_output=True, text=True, timeout=SECONDS_MAX)

    def test_a_short_round_measures_every_goal(self):
        only = [word for part in PARTS for word in ("--only", part)]
        finished = self.run_bench("--rounds", "1", "--seconds", "0.3", *only)
        self.assertEqual(finished.returncode, 0, finished.stdout[-2000:] + finished.stderr[-2000:])
        goals = [line.split()[0] for line in finished.stdout.split("\nGoals,")[1].splitlines()[1:]]
        self.assertEqual(len(goals), GOALS, finished.stdout)
        self.assertLessEqual(set(goals), {"met", "MISSED"})

    def test_what_cannot_be_measured_is_refused_before_anything_is_built(self):
        self.assertEqual(self.run_bench("--only", "nothing").returncode, 2)
        self.assertEqual(self.run_bench("--rounds", "0").returncode, 2)


class Peer(http.server.BaseHTTPRequestHandler):
    """Answers /good with a body of 5 bytes, /missing with 404, and closes the connection after /short."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(404 if self.path == "/missing" else 200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"12" if self.path == "/short" else b"12345")
        self.close_connection = self.path == "/short"

    def log_message(self, *_):
        pass


class PeerServer(http.server.ThreadingHTTPServer):
    def handle_error(self, *_):
        pass  # A run that ends early leaves its connections behind.


class LoadGenerator(unittest.TestCase):
    """It counts right answers only: anything else ends the run."""

    @classmethod
    def setUpClass(cls):
        folder = ROOT / ".build" / "bench"
        subprocess.run([ROOT / "Tests" / "Benchmark" / "client" / "build", folder], check=True)
        cls.program = folder / "load"
        cls.server = PeerServer(("127.0.0.1", 0), Peer)
        threading.Thread(target=cls.server.serve_forever).start()
        cls.addClassCleanup(cls.server.server_close)
        cls.addClassCleanup(cls.server.shutdown)

    def load(self, path, body_bytes=5):
        return subprocess.run(
            [self.program, "--port", str(self.server.server_port), "--path", path, "--connections", "3",
             "--seconds", "0.2", "--warm-up", "0.1", "--server", str(os.getpid()), "--body-bytes", str(body_bytes)],
            capture_output=True, text=True, timeout=SECONDS_MAX)

    def test_right_answers_are_counted(self):
        finished = self.load("/good")
        self.assertEqual(finished.returncode, 0, finished.stderr)
        figure = json.loads(finished.stdout)
        self.assertGreater(figure["answers"], 0)
        self.assertAlmostEqual(figure["perSecond"], figure["answers"] / figure["seconds"], delta=1)
        # This very process is the server: all it did in that time was to answer.
        self.assertGreater(figure["serverNanos"], 1000)

    def test_wrong_answers_end_the_run(self):
        for path, body_bytes, reason in (
            ("/missing", 5, "status 404"), ("/good", 6, "a body of 5 bytes instead of 6"),
            ("/short", 5, "the server closed a connection"),
        ):
            with self.subTest(path=path, body_bytes=body_bytes):
                finished = self.load(path, body_bytes)
                self.assertEqual((finished.returncode, finished.stdout), (1, ""))
                self.assertIn(reason, finished.stderr)


class Figures(unittest.TestCase):
    def test_a_median_ratio_is_of_each_rounds_own_ratio(self):
        ours = [{"nanos": 10}, {"nanos": 40}, {"nanos": 18}]
        theirs = [{"nanos": 10}, {"nanos": 20}, {"nanos": 12}]
        self.assertEqual(figures.median_ratio(ours, theirs, "nanos"), 1.5)
        self.assertEqual(figures.spread(ours, theirs, "nanos"), (1.0, 2.0))

    def test_a_goal_is_met_at_its_bound(self):
        self.assertTrue(figures.Goal("a", 1.1, "at most", 1.1).is_met)
        self.assertFalse(figures.Goal("a", 1.11, "at most", 1.1).is_met)
        self.assertTrue(figures.Goal("a", 5, "at least", 5).is_met)
        self.assertEqual(figures.Goal("a", 4.9, "at least", 5, " ms").line(), "MISSED  a: 4.9 ms, goal at least 5 ms")

    def test_every_other_round_runs_backwards(self):
        order = []
        subjects = {name: lambda name=name: order.append(name) or {} for name in ("a", "b")}
        measured = figures.interleaved(3, subjects, lambda *_: None)
        self.assertEqual(order, ["a", "b", "b", "a", "a", "b"])
        self.assertEqual({name: len(rounds) for name, rounds in measured.items()}, {"a": 3, "b": 3})


if __name__ == "__main__":
    unittest.main(verbosity=2)
