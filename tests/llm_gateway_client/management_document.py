"""The OpenAPI document as the tests of the management client read it: operations, components, examples."""

from __future__ import annotations

import json
from typing import Any

from drf_spectacular.generators import SchemaGenerator

METHODS = ("get", "post", "put", "patch", "delete")
NEWER = {"of_a_newer_gateway": {"a": [1]}}  # a field that no client knows yet
EXAMPLES: dict[str, Any] = {"integer": 3, "number": 1.5, "boolean": True, "string": "text", "null": None}
FORMATS = {"date-time": "2031-05-17T12:00:00+00:00", "date": "2031-05-17"}
NOTHING = {"$ref": "#/components/schemas/BlankEnum"}  # the "" beside an enumeration's words
PROBE: dict[str, Any] = {"success": False, "error": "text", "error_code": "text", "model_tested": "text"}
PROBE |= {"duration_ms": 3, "key_id": "text", "failed_in_a_row": 3, **NEWER}


class Document:
    def __init__(self) -> None:
        made = SchemaGenerator().get_schema(request=None, public=True)
        self._made: dict[str, Any] = json.loads(json.dumps(made, default=str))
        self.operations: dict[str, dict[str, Any]] = {
            f"{method.upper()} {path}": operation
            for path, methods in self._made["paths"].items()
            for method, operation in methods.items()
            if method in METHODS
        }

    def resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Behind `$ref`, and behind what has one thing only inside of it, or beside it nothing or the empty text."""
        while True:
            choices = [one for one in schema.get("oneOf", []) if one.get("type") != "null" and one != NOTHING]
            inner = [*schema.get("allOf", []), *choices]
            if "$ref" in schema:
                schema = self._made["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
            elif len(inner) == 1:
                schema = inner[0]
            else:
                return schema

    def answer(self, operation: str) -> tuple[int, str, dict[str, Any]]:
        """The good answer's status, media type ("" for none) and schema."""
        [(code, told)] = [item for item in self.operations[operation]["responses"].items() if item[0][0] == "2"][:1]
        for kind, media in told.get("content", {}).items():
            return int(code), kind, self.resolved(media["schema"])
        return int(code), "", {}

    def body(self, operation: str) -> dict[str, dict[str, Any]]:
        """The fields that may be written, by name; "required" tells of each whether it must."""
        content = self.operations[operation].get("requestBody", {}).get("content", {})
        if "application/json" not in content:
            return {}
        schema = self.resolved(content["application/json"]["schema"])
        fields = {name: one for name, one in schema.get("properties", {}).items() if not one.get("readOnly")}
        return {name: {**one, "required": name in schema.get("required", [])} for name, one in fields.items()}

    def query(self, operation: str) -> set[str]:
        """But for the page, and for the form of an answer."""
        given = self.operations[operation].get("parameters", [])
        return {one["name"] for one in given if one["in"] == "query"} - {"page", "format"}

    def item(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Of a page, what it is a page of; else itself."""
        results = schema.get("properties", {}).get("results")
        return self.resolved(results["items"]) if results and "count" in schema["properties"] else schema

    def example(self, schema: dict[str, Any]) -> Any:
        """With every field that an answer has, and in each object one that is new."""
        found = self.resolved(schema)
        if "enum" in found:
            return found["enum"][0]
        kind = found.get("type", "string")
        kind = kind if isinstance(kind, str) else kind[0]
        if kind == "array":
            return [self.example(found["items"])]
        if kind != "object":
            return FORMATS.get(found.get("format", "")) or EXAMPLES[kind]
        if "properties" not in found:
            inner = found.get("additionalProperties")
            return {"name": self.example(inner)} if isinstance(inner, dict) and inner else {}
        shown = {name: one for name, one in found["properties"].items() if not one.get("writeOnly")}
        return {**{name: self._field(name, one) for name, one in shown.items()}, **NEWER}

    def _field(self, name: str, schema: dict[str, Any]) -> Any:
        """Where the document says less than there is, what the contract says."""
        if name == "last_test":
            return self.example({"$ref": "#/components/schemas/TestResult"})
        if name == "last_probe":
            return {**PROBE, "probed_at": FORMATS["date-time"]}
        if name in ("targets", "fallbacks"):
            return [{"model": "openai/gpt-4o", "weight": 2, **NEWER}]
        return FORMATS["date-time"] if name.endswith("_at") else self.example(schema)
