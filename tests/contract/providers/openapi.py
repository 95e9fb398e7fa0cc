"""Checks requests against a vendor's published contract: path, parameters, body, and no name it does not know."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

import httpx
from jsonschema import Draft202012Validator


class ContractBroken(AssertionError):
    """The adapter sends what the contract does not allow."""


class Contract:
    """One OpenAPI document; `prefix` is what stands before its paths in our URLs."""

    def __init__(self, file: Path, prefix: str) -> None:
        self.document = json.loads(file.read_text())
        self.prefix = prefix

    def check(self, request: httpx.Request) -> bool:
        """True when the request is one of this contract and keeps it; ContractBroken when it does not keep it."""
        path = unquote(request.url.path)
        if not path.startswith(self.prefix):
            return False
        operation, parameters = self._operation(path.removeprefix(self.prefix) or "/", request.method)
        self._check_query(operation, parameters, request)
        self._check_body(operation, request)
        return True

    def _operation(self, path: str, method: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        for template, operations in self.document["paths"].items():
            pattern = "/".join(
                "[^/]+" if part.startswith("{") and part.endswith("}") else _part(part)
                for part in template.split("/")
            )
            if re.fullmatch(pattern, path) and method.lower() in operations:
                operation = operations[method.lower()]
                own = [self._resolved(p) for p in operation.get("parameters", [])]
                return operation, [*own, *(self._resolved(p) for p in operations.get("parameters", []))]
        raise ContractBroken(f"{method} {path} is not in the contract")

    def _check_query(
        self, operation: dict[str, Any], parameters: list[dict[str, Any]], request: httpx.Request
    ) -> None:
        known = {p["name"]: p for p in parameters if p.get("in") == "query"}
        known |= {name: {"schema": {"type": "string"}} for name in self._key_names()}
        given = dict(request.url.params.multi_items())
        roots = {name.partition("[")[0] for name in given}
        unknown = roots - set(known) - {"return_error_code"}
        if unknown:
            raise ContractBroken(f"unknown query parameters {sorted(unknown)}")
        missing = {name for name, p in known.items() if p.get("required")} - roots
        if missing:
            raise ContractBroken(f"missing query parameters {sorted(missing)}")
        for name, text in given.items():
            if "[" not in name:
                self._validate(known[name].get("schema", {}), text, f"query parameter {name}", from_text=True)
        headers = {p["name"].lower() for p in parameters if p.get("in") == "header" and p.get("required")}
        if not headers <= set(request.headers):
            raise ContractBroken(f"missing headers {sorted(headers - set(request.headers))}")

    def _check_body(self, operation: dict[str, Any], request: httpx.Request) -> None:
        body = self._resolved(operation.get("requestBody", {}))
        if not request.content and not body.get("required"):
            return
        if not body:
            raise ContractBroken("a body where none is allowed")
        kind = request.headers.get("content-type", "").split(";")[0]
        if kind not in body["content"]:
            raise ContractBroken(f"content type {kind!r} is not one of {list(body['content'])}")
        schema = body["content"][kind]["schema"]
        if kind == "application/json":
            self._validate(schema, json.loads(request.content), "body")
        elif kind == "application/x-www-form-urlencoded":
            self._validate(schema, _unbracketed(request.content.decode()), "form", from_text=True)

    def _validate(self, schema: dict[str, Any], value: Any, what: str, *, from_text: bool = False) -> None:
        if from_text:
            value = self._typed(schema, value)
        whole = {**schema, "components": self.document.get("components", {})}
        errors = sorted(Draft202012Validator(_nullable(whole)).iter_errors(value), key=str)
        if errors:
            raise ContractBroken(f"{what}: {errors[0].message} at {list(errors[0].path)}")

    def _typed(self, schema: dict[str, Any], value: Any) -> Any:
        """Texts as the types that the schema wants."""
        schema = self._resolved(schema)
        kinds = {schema.get("type")} | {self._resolved(s).get("type") for s in schema.get("anyOf", [])}
        if isinstance(value, dict):
            properties = schema.get("properties", {})
            return {name: self._typed(properties.get(name, {}), inner) for name, inner in value.items()}
        if "array" in kinds and isinstance(value, str):
            return [self._typed(schema.get("items", {}), item) for item in value.split(",")]
        if "boolean" in kinds and value in ("true", "false"):
            return value == "true"
        if kinds & {"integer", "number"} and re.fullmatch(r"-?\d+(\.\d+)?", value):
            return int(value) if re.fullmatch(r"-?\d+", value) else float(value)
        return value

    def _resolved(self, node: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in node:
            found: Any = self.document
            for part in node["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            node = found
        return node

    def _key_names(self) -> set[str]:
        schemes = self.document.get("components", {}).get("securitySchemes", {}).values()
        return {scheme["name"] for scheme in schemes if scheme.get("in") == "query"} | {"key", "api_key"}


def _part(part: str) -> str:
    return re.sub(r"\\\{[^}]+\\\}", "[^/]+", re.escape(part))


def _unbracketed(form: str) -> dict[str, Any]:
    """`a[b]=c` as {"a": {"b": "c"}}."""
    whole: dict[str, Any] = {}
    for name, value in parse_qsl(form, keep_blank_values=True):
        first, *rest = re.findall(r"[^\[\]]+", name)
        node, key = whole, first
        for part in rest:
            node, key = node.setdefault(key, {}), part
        node[key] = value
    return whole


def _nullable(node: Any) -> Any:
    """OpenAPI 3.0's `nullable` in JSON Schema's words."""
    if isinstance(node, list):
        return [_nullable(item) for item in node]
    if not isinstance(node, dict):
        return node
    made = {key: _nullable(value) for key, value in node.items() if key not in ("nullable", "discriminator")}
    if node.get("nullable") and isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
    return made
