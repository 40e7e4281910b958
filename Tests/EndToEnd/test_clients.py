#!/usr/bin/env python3
"""Two generated Python clients, both made from /openapi.json as served, drive a TD through its life.

Run it with the interpreter that Tests/Contract/setup prints; openapi-generator needs Java.
"""

import json
import pathlib
import sys
import tempfile
import unittest

from daemon import ROOT, Daemon

sys.path.insert(0, str(ROOT / "Tests" / "Contract"))

import generate_clients

BAD_ATTRIBUTES = "0x90000000"


class Clients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = cls.enterClassContext(Daemon(plain_roles=["operator"]))
        cls.url = "http://" + cls.daemon.places()[1]
        cls.directory = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory(prefix="tdxd-test-")))
        cls.document = cls.directory / "openapi.json"
        served = cls.daemon.client().get("/openapi.json")
        assert served.status == 200, served
        cls.document.write_text(json.dumps(served.json))
        sys.path.insert(0, str(cls.directory))

    def setUp(self):
        self.before = self.daemon.client().capacity()

    def tearDown(self):
        self.assertEqual(self.daemon.client().capacity(), self.before)

    def test_openapi_python_client(self):
        generate_clients.make_attrs_client(self.document, self.directory)
        from attrs_client import Client
        from attrs_client.api.fields import read_td_field
        from attrs_client.api.tds import create_td, delete_td, get_td, list_tds
        from attrs_client.models import TD, CreateTDRequest, Operation, Problem, TDSpec

        client = Client(base_url=self.url)
        request = CreateTDRequest(spec=TDSpec(max_vcpus=2, vcpu_count=2), name="made-by-attrs")
        made = create_td.sync(client=client, body=request, prefer="wait=30")
        self.assertIsInstance(made, TD)
        self.assertEqual(made.status.phase, "initialized")
        listed = list_tds.sync(client=client)
        self.assertEqual([item.id for item in listed.items], [made.id])
        self.assertEqual(get_td.sync("made-by-attrs", client=client).id, made.id)
        field = read_td_field.sync(made.id, "NUM_VCPUS", client=client)
        self.assertEqual([element.value for element in field.elements], ["0x2"])
        request.name = "refused"
        request.spec.attributes = BAD_ATTRIBUTES
        refused = create_td.sync_detailed(client=client, body=request)
        self.assertEqual(refused.status_code, 422)
        self.assertIsInstance(refused.parsed, Problem)
        self.assertEqual(refused.parsed.violations[0].pointer, "/spec/attributes")
        self.assertEqual(refused.parsed.seamcall.completion.name, "TDX_OPERAND_INVALID")
        gone = delete_td.sync(made.id, client=client, prefer="wait=30")
        self.assertIsInstance(gone, Operation)
        self.assertEqual(gone.state, "succeeded")

    def test_openapi_generator(self):
        generate_clients.make_pydantic_client(self.document, self.directory)
        import pydantic_client
        from pydantic_client.exceptions import ApiException

        api_client = pydantic_client.ApiClient(pydantic_client.Configuration(host=self.url))
        tds, fields = pydantic_client.TdsApi(api_client), pydantic_client.FieldsApi(api_client)
        spec = pydantic_client.TDSpec(max_vcpus=2, vcpu_count=2)
        request = pydantic_client.CreateTDRequest(spec=spec, name="made-by-pydantic")
        made = tds.create_td(request, prefer="wait=30")
        self.assertEqual(made.status.phase, "initialized")
        self.assertEqual([item.id for item in tds.list_tds().items], [made.id])
        self.assertEqual(tds.get_td("made-by-pydantic").id, made.id)
        field = fields.read_td_field(made.id, "NUM_VCPUS")
        self.assertEqual([element.value for element in field.elements], ["0x2"])
        request.name = "refused"
        request.spec.attributes = BAD_ATTRIBUTES
        with self.assertRaises(ApiException) as raised:
            tds.create_td(request)
        self.assertEqual(raised.exception.status, 422)
        problem = pydantic_client.Problem.from_json(raised.exception.body)
        self.assertEqual(problem.violations[0].pointer, "/spec/attributes")
        self.assertEqual(problem.seamcall.completion.name, "TDX_OPERAND_INVALID")
        gone = tds.delete_td(made.id, prefer="wait=30")
        self.assertEqual(gone.state, "succeeded")


if __name__ == "__main__":
    unittest.main(verbosity=2)
