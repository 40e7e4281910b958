#!/usr/bin/env python3
"""A trust domain's whole life: what it takes, what is told of it, and that nothing stays behind."""

import collections
import os
import unittest

from daemon import Daemon, create, destroy

CREATE = {"TDH.MNG.CREATE": 1, "TDH.MNG.KEY.CONFIG": 2, "TDH.MNG.ADDCX": 6, "TDH.MNG.INIT": 1}
VCPUS = {"TDH.VP.CREATE": 2, "TDH.VP.ADDCX": 10, "TDH.VP.INIT": 2}
TEARDOWN = {
    "TDH.VP.FLUSH": 2, "TDH.MNG.VPFLUSHDONE": 1, "TDH.PHYMEM.CACHE.WB": 2, "TDH.MNG.KEY.FREEID": 1,
    "TDH.PHYMEM.PAGE.RECLAIM": 19, "TDH.PHYMEM.PAGE.WBINVD": 1,
}


def count(records):
    return dict(collections.Counter(record["leaf"] for record in records))


class Lifecycle(unittest.TestCase):
    def setUp(self):
        self.daemon = self.enterContext(Daemon())
        self.client = self.daemon.client()
        self.before = self.client.capacity()

    def test_a_td_with_two_vcpus_takes_50_seamcalls_and_leaves_nothing(self):
        td = create(self.client, vcpus=2, name="web-7", labels={"team": "payments"})["id"]
        held = self.client.capacity()
        self.assertEqual(held["pages"]["held"], 19)
        self.assertEqual(held["keyIds"]["held"], 1)
        self.assertEqual(held["vcpus"]["held"], 2)
        building = self.client.items(f"/seamcalls?td={td}")
        self.assertEqual(count(building), {**CREATE, **VCPUS})
        invariants = self.client.get("/invariants").json
        self.assertEqual((invariants["holding"], invariants["broken"], invariants["notChecked"]), (16, 0, 0))
        examined = {item["name"]: item["examined"] for item in invariants["items"]}
        self.assertEqual((examined["modulePagesAgree"], examined["moduleKeysAgree"]), (19, 32))
        self.check_records(building, td)

        operation = destroy(self.client, td)
        self.assertEqual(operation["progress"]["done"], 26)
        whole = self.client.items(f"/seamcalls?td={td}")
        self.assertEqual(len(whole), 10 + 14 + 26)
        self.assertEqual(count(whole), {**CREATE, **VCPUS, **TEARDOWN})
        self.assertEqual(whole[:24], building)
        self.check_records(whole, td)
        reclaimed = [record for record in whole if record["leaf"] == "TDH.PHYMEM.PAGE.RECLAIM"]
        self.assertEqual(reclaimed[-1]["arguments"]["page"]["kind"], "tdr", "the TDR goes last")
        self.assertEqual(whole[-1]["leaf"], "TDH.PHYMEM.PAGE.WBINVD")
        tombstone = self.client.get(f"/tds/{td}").json
        self.assertEqual(tombstone["status"]["phase"], "deleted")
        self.assertEqual(self.client.get("/tds").json["items"], [])
        self.assertEqual([item["id"] for item in self.client.items("/tds?includeDeleted=true")], [td])
        self.assertEqual(self.client.capacity(), self.before)

    def check_records(self, records, td):
        sequences = [record["sequence"] for record in records]
        self.assertEqual(sequences, sorted(set(sequences)))
        numbers = {"TDH.MNG.CREATE": "0x9", "TDH.MNG.KEY.CONFIG": "0x8", "TDH.PHYMEM.PAGE.RECLAIM": "0x1c"}
        for record in records:
            self.assertEqual(record["tdId"], td, record)
            self.assertEqual(record["principal"], f"uid:{os.geteuid()}")
            self.assertRegex(record["requestId"], "^req-[0-9a-z]{26}$")
            self.assertRegex(record["operationId"], "^op-[0-9a-z]{26}$")
            self.assertGreater(record["durationNanos"], 0)
            self.assertEqual(record["completion"]["outcome"], "success")
            self.assertEqual(record["completion"]["name"], "TDX_SUCCESS")
            self.assertEqual(record["completion"]["value"], "0x0000000000000000")
            self.assertIn("rax", record["in"])
            self.assertIn("out", record)
            self.assertTrue(record["outComplete"])
            self.assertEqual(record["in"]["rax"], hex(record["leafNumber"]))
            self.assertEqual(record["in"]["rax"], numbers.get(record["leaf"], record["in"]["rax"]))
        reclaims = [record for record in records if record["leaf"] == "TDH.PHYMEM.PAGE.RECLAIM"]
        for record in reclaims:
            self.assertEqual(record["in"]["rcx"], record["arguments"]["page"]["address"])
            self.assertEqual(record["outputs"]["pageSize"], "4K")

    def test_a_flushed_vcpu_that_is_read_again_does_not_stop_the_teardown(self):
        td = create(self.client, vcpus=2)["id"]
        flush = self.client.post(f"/tds/{td}/vcpus/0/actions/flush")
        self.assertEqual((flush.status, flush.json["completion"]["name"]), (200, "TDX_SUCCESS"))
        self.assertNotIn("association", self.client.get(f"/tds/{td}/vcpus/0").json["status"])
        read = self.client.get(f"/tds/{td}/vcpus/0/fields/PEND_NMI")
        self.assertEqual(read.status, 200, read)
        self.assertEqual(read.headers["Cache-Control"], "no-store")
        self.assertEqual(read.json["fieldId"], "0x202000000000000b")
        self.assertEqual(read.json["elements"], [{"index": 0, "value": "0x0"}])
        self.assertTrue(read.json["readOn"]["associationChanged"])
        association = self.client.get(f"/tds/{td}/vcpus/0").json["status"]["association"]
        self.assertEqual(association["processor"], read.json["readOn"]["processor"])
        self.assertEqual(association["by"], "TDH.VP.RD")
        operation = destroy(self.client, td)
        self.assertEqual(operation["progress"]["done"], 26)
        self.assertEqual(self.client.capacity(), self.before)

    def test_vcpus_can_come_later_and_fields_are_read_and_written(self):
        td = create(self.client, vcpus=0, spec={"maxVcpus": 3})["id"]
        added = self.client.post(f"/tds/{td}/vcpus", {"count": 2, "processors": [1, 3]})
        self.assertEqual(added.status, 201, added)
        self.assertEqual([item["number"] for item in added.json["items"]], [0, 1])
        processors = [item["status"]["association"]["processor"] for item in added.json["items"]]
        self.assertEqual(processors, [1, 3])
        field = f"/tds/{td}/vcpus/1/fields/PEND_NMI"
        patch = {"Content-Type": "application/merge-patch+json"}
        written = self.client.request("PATCH", field, {"value": "0x1", "mask": "0x1"}, patch)
        self.assertEqual(written.status, 200, written)
        self.assertEqual((written.json["previous"], written.json["value"]), ("0x0", "0x1"))
        self.assertEqual(self.client.get(field).json["elements"], [{"index": 0, "value": "0x1"}])
        destroy(self.client, td)
        self.assertEqual(self.client.capacity(), self.before)

    def test_a_dry_run_plans_the_24_calls_and_makes_none(self):
        body = {"spec": {"maxVcpus": 2, "vcpuCount": 2}}
        plan = self.client.post("/tds?dryRun=true", body)
        self.assertEqual(plan.status, 200, plan)
        planned = collections.Counter()
        for leaf in plan.json["leaves"]:
            planned[leaf["leaf"]] += leaf["times"]
        self.assertEqual(dict(planned), {**CREATE, **VCPUS})
        self.assertEqual(plan.json["pages"], {"tdr": 1, "tdcs": 6, "tdvpr": 2, "tdcx": 10, "sept": 0, "guest": 0})
        self.assertEqual(plan.json["wouldFail"], [])
        self.assertEqual(self.client.items("/seamcalls"), [])
        self.assertEqual(self.client.capacity(), self.before)

    def test_a_name_is_free_as_soon_as_its_td_is_gone(self):
        first = create(self.client, vcpus=0, name="solo")["id"]
        taken = self.client.post("/tds", {"name": "solo", "spec": {"maxVcpus": 1}})
        self.assertEqual((taken.status, taken.json["code"]), (409, "name-taken"))
        self.assertEqual(self.client.get("/tds/solo").json["id"], first)
        destroy(self.client, "solo")
        second = create(self.client, vcpus=0, name="solo")["id"]
        self.assertNotEqual(first, second)
        destroy(self.client, "solo")
        self.assertEqual(self.client.capacity(), self.before)


if __name__ == "__main__":
    unittest.main(verbosity=2)
