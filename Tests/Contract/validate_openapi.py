#!/usr/bin/env python3
"""Checks openapi/tdxd.yaml: that it is OpenAPI 3.1, that its examples fit its schemas, and the rules of this house.

usage: Tests/Contract/validate_openapi.py [DOCUMENT]

Prints every fault and exits 1 if there is one. Run it with the interpreter that Tests/Contract/setup prints.
"""

import pathlib
import re
import sys

import yaml
from jsonschema import Draft202012Validator, FormatChecker
from openapi_spec_validator import OpenAPIV31SpecValidator

ROOT = pathlib.Path(__file__).resolve().parents[2]
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
ROLES = ("none", "viewer", "operator", "lab", "admin", "metrics")
OCTETS = "application/octet-stream"
# Operations whose body may be octets, of any length.
STREAMED = {"POST /images": [OCTETS], "POST /tds/{id}/memory": ["application/json", OCTETS]}
PROBLEM = {"$ref": "#/components/schemas/Problem"}
# What generators for OpenAPI 3.0 do not understand.
FORBIDDEN = ("oneOf", "anyOf", "allOf", "not", "prefixItems", "if", "nullable", "patternProperties", "$defs")
# The only schemas in which null has a meaning: in a merge patch (RFC 7396) it removes.
NULLABLE = ("PatchTDRequest",)
# The only schema that is an answer and lets anything in: OpenAPI describes itself elsewhere.
FREE_FORM = ("OpenAPIDocument",)


class Checker:
    def __init__(self, document):
        self.document = document
        self.faults = []
        self.used = set()
        self.schemas = document["components"]["schemas"]

    def fault(self, place, text):
        self.faults.append(f"{place}: {text}")

    def resolve(self, node):
        while isinstance(node, dict) and "$ref" in node:
            self.used.add(node["$ref"])
            target = self.document
            for token in node["$ref"].removeprefix("#/").split("/"):
                target = target[token.replace("~1", "/").replace("~0", "~")]
            node = target
        return node

    def check(self):
        for error in OpenAPIV31SpecValidator(self.document).iter_errors():
            self.fault("/".join(str(part) for part in error.absolute_path), error.message)
        if self.faults:
            return self.faults
        self.check_operations()
        requests = self.reachable(self.request_schemas())
        answers = self.reachable(self.answer_schemas())
        for name in sorted(requests & answers):
            self.fault(name, "is both in requests, which are closed, and in answers, which are open")
        for name, schema in self.schemas.items():
            self.check_schema(name, name, schema, name in requests)
        self.check_unused()
        return self.faults

    # Operations

    def operations(self):
        for path, item in self.document["paths"].items():
            for method in METHODS:
                if method in item:
                    yield path, method, item[method], item.get("parameters", []) + item[method].get("parameters", [])

    def check_operations(self):
        names = set()
        tags = {tag["name"] for tag in self.document["tags"]}
        for path, method, operation, parameters in self.operations():
            place = f"{method.upper()} {path}"
            name = operation.get("operationId", "")
            if not re.fullmatch("[a-z][A-Za-z0-9]*", name) or name in names:
                self.fault(place, f"operationId {name!r} is missing, not in camel case, or not unique")
            names.add(name)
            for member in ("summary", "description"):
                if not operation.get(member):
                    self.fault(place, f"has no {member}")
            if operation.get("x-role") not in ROLES:
                self.fault(place, f"x-role is none of {', '.join(ROLES)}")
            # What is for a role of its own beside the others is read by nobody else.
            if method == "get" and operation.get("x-role") not in ("none", "viewer", "operator", "metrics"):
                self.fault(place, "a read needs at most the role operator")
            if len(operation.get("tags", [])) != 1 or operation["tags"][0] not in tags:
                self.fault(place, "has not exactly one tag of the document's")
            self.check_parameters(place, path, parameters)
            self.check_body(place, method, operation)
            self.check_responses(place, method, operation)

    def check_parameters(self, place, path, parameters):
        parameters = [self.resolve(parameter) for parameter in parameters]
        in_path = {parameter["name"] for parameter in parameters if parameter["in"] == "path"}
        if in_path != set(re.findall(r"{([a-z]+)}", path)):
            self.fault(place, f"declares the path parameters {sorted(in_path)}")
        for parameter in parameters:
            where = f"{place} parameter {parameter['name']}"
            if not parameter.get("description") or not parameter.get("examples"):
                self.fault(where, "has no description or no example")
            self.check_examples(where, parameter["schema"], parameter.get("examples", {}))
            schema = parameter["schema"]
            if schema["type"] == "string" and not {"maxLength", "pattern", "enum"} & set(schema):
                self.fault(where, "has no bound")
            if schema["type"] == "integer" and not {"minimum", "maximum"} <= set(schema):
                self.fault(where, "has no bounds")

    def check_body(self, place, method, operation):
        body = operation.get("requestBody")
        if (body is not None) != (method in ("post", "patch", "put")):
            self.fault(place, "has a body where none belongs, or none where one does")
        if body is None:
            return
        wanted = "application/merge-patch+json" if method == "patch" else "application/json"
        types = list(body["content"])
        if types not in ([wanted], STREAMED.get(place)):
            self.fault(place, f"takes {types}, not {wanted} alone")
        for name, content in body["content"].items():
            if name == OCTETS:
                if content != {"schema": {"type": "string", "format": "binary"}}:
                    self.fault(f"{place} body", "describes octets")
            else:
                self.check_content(f"{place} body", content)
        for status in ("400", "413", "415"):
            if status not in operation["responses"]:
                self.fault(place, f"has a body but no answer {status}")

    def check_responses(self, place, method, operation):
        if "default" not in operation["responses"]:
            self.fault(place, "has no default answer")
        for status, response in operation["responses"].items():
            where = f"{place} {status}"
            response = self.resolve(response)
            content = response.get("content", {})
            is_error = status == "default" or status[0] in "45"
            if status == "304":
                if content:
                    self.fault(where, "has a body")
                continue
            success = "text/plain" if place == "GET /metrics" else "application/json"
            if list(content) != ["application/problem+json" if is_error else success]:
                self.fault(where, f"answers with {list(content)}")
            for media in content.values():
                if is_error and media["schema"] != PROBLEM:
                    self.fault(where, "is an error but no Problem")
                self.check_content(where, media)
            headers = {name for name in response.get("headers", {}) if self.resolve(response["headers"][name])}
            wanted = {"X-Request-Id"}
            if status in ("201", "202"):
                wanted.add("Location")
            if status == "200" and "304" in operation["responses"]:
                wanted.add("ETag")
            if status in ("429", "503"):
                wanted.add("Retry-After")
            for name in sorted(wanted - headers):
                self.fault(where, f"has no header {name}")

    def check_content(self, place, media):
        if set(media["schema"]) != {"$ref"}:
            self.fault(place, "has a schema without a name")
        if not media.get("examples"):
            self.fault(place, "has no example")
        self.check_examples(place, media["schema"], media.get("examples", {}))

    def check_examples(self, place, schema, examples):
        for name, example in examples.items():
            value = self.resolve(example)["value"]
            self.check_value(f"{place} example {name}", schema, value)

    def check_value(self, place, schema, value):
        bundle = {**schema, "components": self.document["components"]}
        for error in Draft202012Validator(bundle, format_checker=FormatChecker()).iter_errors(value):
            self.fault(place, f"{error.json_path}: {error.message[:200]}")
        self.check_words(place, schema, value)

    def check_words(self, place, schema, value):
        """An example uses no word that the contract does not document."""
        schema = self.resolve(schema)
        known = schema.get("x-known-values")
        if known and value not in known:
            self.fault(place, f"{value!r} is none of the known values")
        if isinstance(value, dict):
            for name, member in value.items():
                if name in schema.get("properties", {}):
                    self.check_words(f"{place}/{name}", schema["properties"][name], member)
                elif schema.get("properties") and "additionalProperties" not in schema:
                    self.fault(place, f"has {name}, which the schema does not describe")
        if isinstance(value, list) and "items" in schema:
            for index, item in enumerate(value):
                self.check_words(f"{place}/{index}", schema["items"], item)

    # Schemas

    def request_schemas(self):
        for _, _, operation, _ in self.operations():
            for media in operation.get("requestBody", {}).get("content", {}).values():
                yield media["schema"]

    def answer_schemas(self):
        for _, _, operation, _ in self.operations():
            for response in operation["responses"].values():
                for media in self.resolve(response).get("content", {}).values():
                    yield media["schema"]

    def reachable(self, roots):
        names, queue = set(), list(roots)
        while queue:
            node = queue.pop()
            if isinstance(node, list):
                queue += node
            elif isinstance(node, dict):
                reference = node.get("$ref", "")
                name = reference.removeprefix("#/components/schemas/")
                if reference and name not in names:
                    names.add(name)
                    queue.append(self.schemas[name])
                queue += [value for key, value in node.items() if key not in ("example", "examples")]
        return names

    def check_schema(self, place, name, schema, is_request):
        for word in FORBIDDEN:
            if word in schema:
                self.fault(place, f"uses {word}")
        if "$ref" in schema:
            return
        types = schema.get("type")
        if types is None or isinstance(types, list) and not (name in NULLABLE and types[1:] == ["null"]):
            self.fault(place, f"has the type {types}")
        kind = types[0] if isinstance(types, list) else types
        if "enum" in schema and not is_request:
            self.fault(place, "closes an enum in an answer")
        if "x-known-values" in schema and is_request:
            self.fault(place, "leaves an enum open in a request")
        if kind == "object":
            self.check_object(place, name, schema, is_request)
        elif kind == "array":
            if is_request and "maxItems" not in schema:
                self.fault(place, "is an array without a bound in a request")
            self.check_schema(f"{place}[]", name, schema["items"], is_request)
        elif not schema.get("examples") and "pattern" not in schema.get("additionalProperties", schema):
            self.fault(place, "has no example")
        for value in schema.get("examples", []):
            self.check_value(f"{place} example", schema, value)

    def check_object(self, place, name, schema, is_request):
        extra = schema.get("additionalProperties")
        properties = schema.get("properties", {})
        if is_request and extra is not False and not (isinstance(extra, dict) and not properties):
            self.fault(place, "is an object of a request that lets unknown members in")
        if not is_request and (extra is False or extra is True and name not in FREE_FORM):
            self.fault(place, "is an object of an answer that is closed, or lets anything in")
        for required in schema.get("required", []):
            if required not in properties:
                self.fault(place, f"requires {required}, which it does not have")
        for member, subschema in properties.items():
            where = f"{place}/{member}"
            if not re.fullmatch("[a-z][A-Za-z0-9]*", member):
                self.fault(where, "is not in camel case")
            if not subschema.get("description") and "$ref" not in subschema:
                self.fault(where, "has no description")
            self.check_schema(where, name, subschema, is_request)
        if not schema.get("description") and place == name:
            self.fault(place, "has no description")

    def check_unused(self):
        text = yaml.safe_dump(self.document)
        for section, components in self.document["components"].items():
            for name in components:
                if f"#/components/{section}/{name}'" not in text and f"#/components/{section}/{name}\n" not in text:
                    self.fault(f"components/{section}/{name}", "is not used")


def main():
    path = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "openapi" / "tdxd.yaml"
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    checker = Checker(document)
    faults = checker.check()
    for fault in faults:
        print(fault)
    operations = sum(1 for _ in checker.operations())
    print(f"{path.name}: {operations} operations, {len(checker.schemas)} schemas, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
