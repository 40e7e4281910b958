#!/usr/bin/env python3
"""Makes two Python clients from the contract and builds requests with them: that generators understand the document.

usage: Tests/Contract/generate_clients.py DIRECTORY [DOCUMENT]

The clients are left in DIRECTORY: `attrs_client` by openapi-python-client, `pydantic_client` by openapi-generator (which
needs Java). Run it with the interpreter that Tests/Contract/setup prints.
"""

import importlib
import json
import os
import pathlib
import pkgutil
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOLS = pathlib.Path(sys.executable).parent
TIMEOUT_SECONDS = 300
# What openapi-generator warns of although the client is right.
HARMLESS = (
    "OpenAPI 3.1 support is still in beta",
    "Failed to get the schema name: null",
    "Field (reserved word) cannot be used as model name",
    "Codegen property is null",
)


def run(*command):
    environment = {**os.environ, "PATH": f"{TOOLS}{os.pathsep}{os.environ['PATH']}"}
    result = subprocess.run(
        [str(part) for part in command], env=environment, capture_output=True, text=True, timeout=TIMEOUT_SECONDS,
    )
    output = result.stdout + result.stderr
    if result.returncode != 0:
        sys.exit(f"{command[0]} failed:\n{output}")
    return output


def make_attrs_client(document, directory):
    target = directory / "attrs_client"
    shutil.rmtree(target, ignore_errors=True)
    output = run(
        TOOLS / "openapi-python-client", "generate", "--path", document, "--output-path", target, "--meta", "none",
    )
    if "Warning" in output:
        sys.exit(f"openapi-python-client warns:\n{output}")


def make_pydantic_client(document, directory):
    target = directory / "pydantic"
    shutil.rmtree(target, ignore_errors=True)
    output = run(
        TOOLS / "openapi-generator-cli", "generate", "-i", document, "-g", "python", "-o", target,
        "--additional-properties", "packageName=pydantic_client",
    )
    warnings = [line for line in output.splitlines() if "WARN" in line or "ERROR" in line]
    warnings = [line for line in warnings if not any(text in line for text in HARMLESS)]
    if warnings:
        sys.exit("openapi-generator warns:\n" + "\n".join(warnings))
    shutil.rmtree(directory / "pydantic_client", ignore_errors=True)
    shutil.move(target / "pydantic_client", directory / "pydantic_client")
    shutil.rmtree(target)


def import_everything(name):
    package = importlib.import_module(name)
    modules = list(pkgutil.walk_packages(package.__path__, name + "."))
    for module in modules:
        importlib.import_module(module.name)
    return len(modules)


def operation_ids(document):
    for item in document["paths"].values():
        for operation in item.values():
            if isinstance(operation, dict) and "operationId" in operation:
                yield operation["operationId"]


def check_attrs_client(document):
    from attrs_client.api.tds import create_td
    from attrs_client.models import TD, CreateTDRequest, PatchTDRequest, Problem, TDSpec

    example = document["components"]["examples"]["RefusedAttributes"]["value"]
    problem = Problem.from_dict(example).to_dict()
    del problem["seamcall"]["at"]  # A date by then, which Python writes in its own way.
    assert {**problem, "seamcall": None} == {**example, "seamcall": None}
    assert all(problem["seamcall"][name] == example["seamcall"][name] for name in problem["seamcall"])
    request = CreateTDRequest(spec=TDSpec(max_vcpus=4, vcpu_count=2), name="web-7")
    assert request.to_dict()["spec"]["maxVcpus"] == 4
    assert create_td._get_kwargs(body=request, dry_run=True)["json"]["name"] == "web-7"
    assert PatchTDRequest(name=None).to_dict() == {"name": None}
    assert "newer" in TD.from_dict({**td_example(document), "newer": 1}).additional_properties


def check_pydantic_models(document):
    import pydantic_client

    example = document["components"]["examples"]["RefusedAttributes"]["value"]
    problem = pydantic_client.Problem.from_dict(example)
    assert json.loads(problem.to_json())["seamcall"]["completion"] == example["seamcall"]["completion"]
    request = pydantic_client.CreateTDRequest(spec=pydantic_client.TDSpec(max_vcpus=4, vcpu_count=2), name="web-7")
    assert request.to_dict()["spec"]["maxVcpus"] == 4
    api = pydantic_client.TdsApi(pydantic_client.ApiClient())
    method, url, _, body, *_ = api._create_td_serialize(
        create_td_request=request, dry_run=True, prefer=None, idempotency_key=None,
        _request_auth=None, _content_type=None, _headers=None, _host_index=0,
    )
    assert method == "POST" and url.endswith("/tds?dryRun=true") and body["name"] == "web-7"
    assert pydantic_client.PatchTDRequest(name=None).to_dict() == {"name": None}
    assert pydantic_client.TD.from_dict({**td_example(document), "newer": 1}).id == td_example(document)["id"]


def td_example(document):
    content = document["paths"]["/tds/{id}"]["get"]["responses"]["200"]["content"]["application/json"]
    return content["examples"]["ready"]["value"]


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    directory = pathlib.Path(sys.argv[1]).resolve()
    source = pathlib.Path(sys.argv[2]) if len(sys.argv) == 3 else ROOT / "openapi" / "tdxd.yaml"
    directory.mkdir(parents=True, exist_ok=True)
    import yaml

    document = yaml.safe_load(source.read_text(encoding="utf-8"))
    make_attrs_client(source, directory)
    make_pydantic_client(source, directory)
    sys.path.insert(0, str(directory))
    counts = {name: import_everything(name) for name in ("attrs_client", "pydantic_client")}
    check_attrs_client(document)
    check_pydantic_models(document)
    print(f"{len(set(operation_ids(document)))} operations; modules imported: {counts}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
