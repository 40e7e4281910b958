#!/usr/bin/env python3
"""Every refusal a client can meet: status, code, and what it says of the cause."""

import unittest

from daemon import Daemon, create, destroy

KEYIDS = 31
SPEC = {"maxVcpus": 2}


class Errors(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = cls.enterClassContext(Daemon(plain_roles=["viewer", "operator"]))

    def setUp(self):
        self.client = self.daemon.client()
        self.before = self.client.capacity()

    def tearDown(self):
        for td in self.client.items("/tds"):
            destroy(self.client, td["id"])
        self.assertEqual(self.client.capacity(), self.before)

    def check(self, answer, status, code):
        """A problem document by the book; returns it."""
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer.headers["Content-Type"], "application/problem+json")
        problem = answer.json
        self.assertEqual((problem["status"], problem["code"]), (status, code))
        self.assertEqual(problem["type"], f"/errors/{code}")
        self.assertRegex(problem["requestId"], "^req-[0-9a-z]{26}$")
        self.assertEqual(problem["requestId"], answer.headers["X-Request-Id"])
        self.assertIs(type(problem["retryable"]), bool)
        entry = self.daemon.client().get(problem["type"])
        self.assertEqual(entry.status, 200, "a problem's type leads to its description")
        self.assertEqual(entry.json["code"], code)
        return problem

    def calls(self):
        return len(self.client.items("/seamcalls"))

    def test_one_td_more_than_there_are_keyids(self):
        for _ in range(KEYIDS):
            create(self.client, vcpus=0, spec={"buildUntil": "tdrCreated"})
        problem = self.check(self.client.post("/tds", {"spec": SPEC}), 507, "capacity-exhausted")
        self.assertEqual(
            problem["capacity"],
            {"resource": "keyIds", "limit": KEYIDS, "used": KEYIDS, "quarantined": 0, "foreign": 0},
        )

    def test_an_attribute_bit_the_module_refuses(self):
        answer = self.client.post("/tds", {"spec": {**SPEC, "attributes": "0x90000000"}})
        problem = self.check(answer, 422, "tdx-operand-invalid")
        self.assertEqual([item["pointer"] for item in problem["violations"]], ["/spec/attributes"])
        self.assertIn("bit 31", problem["violations"][0]["reason"])
        call = problem["seamcall"]
        self.assertEqual((call["leaf"], call["in"]["rax"]), ("TDH.MNG.INIT", "0x15"))
        self.assertEqual(call["completion"]["name"], "TDX_OPERAND_INVALID")
        self.assertEqual(call["completion"]["operand"], "ATTRIBUTES")
        self.assertEqual(call["completion"]["value"], "0xc000010000000040")
        operation = self.client.get(problem["instance"]).json
        self.assertEqual((operation["state"], operation["rollback"]), ("failed", "done"))
        self.assertEqual(operation["problem"]["code"], "tdx-operand-invalid")
        self.assertEqual(self.client.capacity(), self.before)

    def test_a_cpuid_bit_the_module_refuses(self):
        zero = {"eax": "0x0", "ebx": "0x0", "ecx": "0x0", "edx": "0x0"}
        cpuid = [
            {"leaf": "0x4", "subleaf": "0x0", **zero},
            {"leaf": "0x7", "subleaf": "0x0", **zero, "eax": "0x1"},
        ]
        problem = self.check(self.client.post("/tds", {"spec": {**SPEC, "cpuid": cpuid}}), 422, "tdx-operand-invalid")
        self.assertEqual([item["pointer"] for item in problem["violations"]], ["/spec/cpuid/1"])
        self.assertEqual(
            problem["seamcall"]["outputs"]["extendedError"], {"raw": "0x7", "cpuidLeaf": "0x7", "cpuidSubleaf": "0x0"},
        )
        self.assertEqual(self.client.capacity(), self.before)

    def test_one_vcpu_too_many_costs_no_call_and_no_page(self):
        calls = self.calls()
        problem = self.check(
            self.client.post("/tds", {"spec": {"maxVcpus": 2, "vcpuCount": 3}}), 422, "max-vcpus-exceeded")
        self.assertEqual([item["pointer"] for item in problem["violations"]], ["/spec/vcpuCount"])
        self.assertEqual(self.calls(), calls)
        td = create(self.client, vcpus=2)["id"]
        calls, capacity = self.calls(), self.client.capacity()
        problem = self.check(self.client.post(f"/tds/{td}/vcpus", {"count": 1}), 422, "max-vcpus-exceeded")
        self.assertEqual([item["pointer"] for item in problem["violations"]], ["/count"])
        self.assertEqual((self.calls(), self.client.capacity()), (calls, capacity))

    def test_a_wrong_state_names_the_state_and_what_is_allowed(self):
        td = create(self.client, vcpus=0, spec={"buildUntil": "tdrCreated"})["id"]
        problem = self.check(self.client.post(f"/tds/{td}/vcpus", {"count": 1}), 409, "wrong-state")
        self.assertEqual(problem["currentState"], {"phase": "building", "lifecycleState": "HKID_ASSIGNED"})
        self.assertIn("delete", problem["allowedActions"])
        self.assertIn("configure-key", problem["allowedActions"])
        self.assertNotIn("create-vcpu", problem["allowedActions"])

    def test_unknown_members_and_wrong_types(self):
        problem = self.check(self.client.post("/tds", {"spec": {**SPEC, "vcpus": 3}}), 400, "unknown-member")
        self.assertEqual([item["pointer"] for item in problem["violations"]], ["/spec/vcpus"])
        problem = self.check(self.client.post("/tds", {"spec": {"maxVcpus": "2"}}), 400, "invalid-value")
        self.assertEqual([item["pointer"] for item in problem["violations"]], ["/spec/maxVcpus"])
        json = {"Content-Type": "application/json"}
        self.check(self.client.post("/tds", b"{", json), 400, "malformed-json")
        problem = self.check(self.client.get("/tds?limit=0"), 400, "invalid-parameter")
        self.assertEqual([item["parameter"] for item in problem["violations"]], ["limit"])

    def test_a_role_too_small_is_named(self):
        viewer, operator = self.daemon.plain_client("viewer"), self.daemon.plain_client("operator")
        problem = self.check(viewer.post("/tds", {"spec": SPEC}), 403, "role-too-small")
        self.assertEqual(problem["requiredRole"], "operator")
        td = create(operator, vcpus=1)["id"]
        problem = self.check(operator.post(f"/tds/{td}/actions/flush-done"), 403, "role-too-small")
        self.assertEqual(problem["requiredRole"], "lab")
        problem = self.check(viewer.get(f"/tds/{td}/fields/TD_UUID"), 403, "role-too-small")
        self.assertEqual(problem["requiredRole"], "operator")
        shown = viewer.items(f"/seamcalls?td={td}")
        self.assertTrue(all("in" not in record and record["redacted"] for record in shown), shown[:1])
        self.assertTrue(all("address" not in page for page in viewer.items(f"/tds/{td}/pages")))
        self.assertTrue(all("address" in page for page in self.client.items(f"/tds/{td}/pages")))

    def test_what_is_not_there(self):
        for path in ("/tds/nothing", "/tds/td-00000000000000000000000000", "/host/keyids/9999", "/operations/op-1"):
            self.check(self.client.get(path), 404, "not-found")
        self.check(self.client.get("/nothing"), 404, "not-found")
        td = create(self.client, vcpus=0)["id"]
        self.check(self.client.get(f"/tds/{td}/fields/NO_SUCH_FIELD"), 404, "unknown-field")

    def test_methods_media_types_and_sizes(self):
        td = create(self.client, vcpus=1)["id"]
        answer = self.client.request("PUT", f"/tds/{td}", {})
        self.check(answer, 405, "method-not-allowed")
        self.assertEqual(set(answer.headers["Allow"].split(", ")), {"GET", "HEAD", "PATCH", "DELETE"})
        answer = self.client.delete(f"/tds/{td}/vcpus/0")
        self.check(answer, 405, "vcpu-pages-return-at-teardown")
        self.assertEqual(set(answer.headers["Allow"].split(", ")), {"GET", "HEAD"})
        answer = self.client.request("GET", "/tds", headers={"Accept": "text/html"})
        self.check(answer, 406, "not-acceptable")
        self.check(self.client.post("/tds", b"a: 1", {"Content-Type": "application/yaml"}), 415, "unsupported-media-type")
        json = {"Content-Type": "application/json"}
        self.check(self.daemon.client().post("/tds", b'"' + b"x" * 3_000_000 + b'"', json), 413, "payload-too-large")
        self.check(self.daemon.client().get("/tds", **{"X-Long": "x" * 9_000}), 431, "header-fields-too-large")
        self.check(self.daemon.client().get("/tds?limit=" + "1" * 5_000), 414, "uri-too-long")

    def test_preconditions_and_repeats(self):
        td = create(self.client, vcpus=0)
        self.check(self.client.delete(f"/tds/{td['id']}", {"If-Match": '"r1"'}), 412, "precondition-failed")
        same = self.client.get(f"/tds/{td['id']}", **{"If-None-Match": f'"r{td["revision"]}"'})
        self.assertEqual((same.status, same.bytes), (304, b""))
        key, body = {"Idempotency-Key": "5f0c2b1e-1"}, {"name": "once", "spec": SPEC}
        first = self.client.post("/tds", body, key)
        again = self.client.post("/tds", body, key)
        self.assertEqual((first.status, again.status, again.json["id"]), (201, 201, first.json["id"]))
        self.assertEqual(again.headers["Idempotency-Replayed"], "true")
        other = self.client.post("/tds", {"name": "twice", "spec": SPEC}, key)
        self.check(other, 422, "idempotency-key-reused")


if __name__ == "__main__":
    unittest.main(verbosity=2)
