#!/usr/bin/env python3
"""A thousand TDs made and destroyed by eight clients at once: nothing leaks, and nobody sees a passing refusal."""

import threading
import time
import unittest

from daemon import Daemon, create, destroy

CYCLES = 1000
CLIENTS = 8
CALLS_PER_CYCLE = 50
# One write-back of a package serves every TD whose KeyID was flushed when it began.
WRITE_BACKS_PER_CYCLE = 2


class Cycles(unittest.TestCase):
    def test_eight_clients_make_and_destroy_a_thousand_tds(self):
        daemon = self.enterContext(Daemon())
        client = daemon.client()
        before = client.capacity()
        failures = []

        def work(own):
            try:
                for _ in range(CYCLES // CLIENTS):
                    destroy(own, create(own, vcpus=2)["id"])
            except Exception as error:  # Reported below, in the thread that can fail the test.
                failures.append(error)

        threads = [threading.Thread(target=work, args=(daemon.client(),)) for _ in range(CLIENTS)]
        start = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.monotonic() - start
        self.assertEqual(failures, [])
        self.assertEqual(client.capacity(), before)
        self.assertEqual(client.items("/tds"), [])
        operations = client.items("/operations")
        self.assertEqual(len(operations), 2 * CYCLES)
        self.assertEqual({operation["state"] for operation in operations}, {"succeeded"})
        self.check_records(client.items("/seamcalls"))
        print(f"{CYCLES} cycles by {CLIENTS} clients in {seconds:.2f} s: {CYCLES / seconds:.0f} cycles per second")

    def check_records(self, records):
        """Each call succeeded in the end; what the module refused in passing was tried again."""
        self.assertEqual(len({record["id"] for record in records}), len(records))
        answers, write_backs = {}, 0
        for record in records:
            key = (record["completion"]["name"], record["handledAs"])
            answers[key] = answers.get(key, 0) + record.get("repeats", 1)
            write_backs += record["leaf"] == "TDH.PHYMEM.CACHE.WB" and record["handledAs"] == "accepted"
        print("answers of the module:", {f"{name} {handled}": number for (name, handled), number in answers.items()})
        accepted = sum(number for (_, handled), number in answers.items() if handled == "accepted")
        self.assertEqual(accepted - write_backs, CYCLES * (CALLS_PER_CYCLE - WRITE_BACKS_PER_CYCLE))
        self.assertLessEqual(write_backs, CYCLES * WRITE_BACKS_PER_CYCLE)
        self.assertLessEqual({handled for _, handled in answers} - {"accepted"}, {"retried", "resumed"})


if __name__ == "__main__":
    unittest.main(verbosity=2)
