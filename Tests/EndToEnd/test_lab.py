#!/usr/bin/env python3
"""The step level: a TD built and taken down leaf by leaf, with the module's raw answers on wrong steps."""

import unittest

from daemon import Daemon

OK = "TDX_SUCCESS"


class Lab(unittest.TestCase):
    def setUp(self):
        self.daemon = self.enterContext(Daemon(plain_roles=["lab"], hazards=["vpFlushSkipped"]))
        self.client = self.daemon.plain_client("lab")
        self.before = self.client.capacity()
        made = self.client.post("/tds", {"spec": {"maxVcpus": 2, "buildUntil": "tdrCreated"}})
        self.assertEqual(made.status, 201, made)
        self.td = made.json["id"]

    def step(self, action, completion=OK, **body):
        """One leaf; its raw completion must be the one expected."""
        answer = self.client.post(f"/tds/{self.td}/{action}", body)
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.json["completion"]["name"], completion, answer)
        self.assertEqual(answer.json["handledAs"], "accepted" if completion == OK else "failed")
        return answer.json

    def states(self):
        status = self.client.get(f"/tds/{self.td}").json["status"]
        return status["lifecycleState"], status.get("opState")

    def build(self):
        for package in (0, 1):
            self.step("actions/configure-key", package=package)
        for _ in range(6):
            self.step("actions/add-tdcs-page")
        self.step("actions/init")
        for vcpu in range(2):
            self.step("vcpus/actions/create")
            for _ in range(5):
                self.step(f"vcpus/{vcpu}/actions/add-tdcx-page")
            self.step(f"vcpus/{vcpu}/actions/init")

    def take_down(self):
        for vcpu in range(2):
            self.step(f"vcpus/{vcpu}/actions/flush")
        self.step("actions/flush-done")
        for package in (0, 1):
            self.step("actions/write-back", package=package)
        self.step("actions/free-key")
        pages = self.client.items(f"/tds/{self.td}/pages")
        for page in sorted(pages, key=lambda page: page["kind"] == "tdr"):
            self.step("actions/reclaim-page", page=page["id"])
        self.step("actions/write-back-tdr")

    def test_the_same_50_leaves_one_by_one(self):
        self.assertEqual(self.states(), ("HKID_ASSIGNED", None))
        self.build()
        self.assertEqual(self.states(), ("KEYS_CONFIGURED", "INITIALIZED"))
        self.assertEqual(self.client.capacity()["pages"]["held"], 19)
        self.take_down()
        status = self.client.get(f"/tds/{self.td}").json["status"]
        self.assertEqual(status["phase"], "deleted")
        self.assertEqual(len(self.client.items(f"/seamcalls?td={self.td}")), 50)
        self.assertEqual(self.client.capacity(), self.before)

    def test_wrong_steps_show_the_modules_own_answers(self):
        self.step("actions/add-tdcs-page", "TDX_TD_KEYS_NOT_CONFIGURED")
        refused = self.step("actions/free-key", "TDX_LIFECYCLE_STATE_INCORRECT")
        self.assertEqual(refused["completion"]["value"], "0xc000060700000000")
        self.assertEqual(refused["refusedBy"], "module")
        self.assertEqual(refused["completion"]["outcome"], "error")
        for package in (0, 1):
            self.step("actions/configure-key", package=package)
        refused = self.step("actions/init", "TDX_TDCS_NOT_ALLOCATED")
        self.assertEqual(refused["completion"]["value"], "0xc000060600000000")
        for _ in range(6):
            self.step("actions/add-tdcs-page")
        self.step("vcpus/actions/create", "TDX_OP_STATE_INCORRECT")
        self.step("actions/init")
        self.step("vcpus/actions/create")
        for _ in range(5):
            self.step("vcpus/0/actions/add-tdcx-page")
        self.step("vcpus/0/actions/init")
        held = self.client.capacity()

        refused = self.step("actions/flush-done", "TDX_FLUSHVP_NOT_DONE")
        self.assertEqual(refused["completion"]["value"], "0x8000082400000000")
        page = next(page for page in self.client.items(f"/tds/{self.td}/pages") if page["kind"] == "tdcs")
        self.step("actions/reclaim-page", "TDX_LIFECYCLE_STATE_INCORRECT", page=page["id"])
        self.assertEqual(self.client.capacity(), held, "a refused step takes and gives nothing")
        self.step("vcpus/0/actions/flush")
        self.step("actions/flush-done")
        refused = self.step("actions/free-key", "TDX_WBCACHE_NOT_COMPLETE")
        self.assertEqual(refused["completion"]["value"], "0x8000081700000000")
        self.step("actions/write-back", package=0)
        self.step("actions/free-key", "TDX_WBCACHE_NOT_COMPLETE")
        failure = self.client.get(f"/host/keyids/{refused['keyId']}").json["lastFailure"]
        self.assertEqual(failure["completionName"], "TDX_WBCACHE_NOT_COMPLETE")

        deleted = self.client.delete(f"/tds/{self.td}", {"Prefer": "wait=30"})
        self.assertEqual((deleted.status, deleted.json["state"]), (200, "succeeded"), deleted)
        self.assertEqual(self.client.capacity(), self.before)

    def test_a_strict_step_turns_a_refusal_into_a_problem(self):
        answer = self.client.post(f"/tds/{self.td}/actions/free-key", {}, {"Prefer": "handling=strict"})
        self.assertEqual((answer.status, answer.json["code"]), (409, "tdx-lifecycle-state-incorrect"), answer)
        self.assertEqual(answer.headers["Content-Type"], "application/problem+json")
        self.assertEqual(answer.json["seamcall"]["completion"]["name"], "TDX_LIFECYCLE_STATE_INCORRECT")

    def test_the_actions_list_says_what_may_be_done_and_why_not(self):
        actions = {item["action"]: item for item in self.client.get(f"/tds/{self.td}/actions").json["items"]}
        self.assertTrue(actions["configure-key"]["allowed"])
        self.assertFalse(actions["free-key"]["allowed"])
        self.assertIn("BLOCKED", actions["free-key"]["reason"])
        self.assertEqual(actions["free-key"]["leaf"], "TDH.MNG.KEY.FREEID")


if __name__ == "__main__":
    unittest.main(verbosity=2)
