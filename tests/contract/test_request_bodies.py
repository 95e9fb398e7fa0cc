"""No service takes a field that its document does not name, so that nobody sets what is not his to set (FAULTS 26)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from shared.runtime.application import create_app
from shared.runtime.service import load_service
from shared.settings import SERVICE_PORTS

OPEN = {"Feed"}
"""A feed's own words, which its source's adapter judges (`shared.providers`)."""


def open_objects(schema: dict[str, Any], known: dict[str, Any], seen: frozenset[str]) -> Iterator[str]:
    """Names of the objects within a schema that take fields of any name beside those they list."""
    if (reference := schema.get("$ref")) is not None:
        name = reference.rpartition("/")[2]
        if name not in seen:
            yield from open_objects(known[name], known, seen | {name})
        return
    if (
        "properties" in schema
        and schema.get("additionalProperties") is not False
        and schema["title"] not in OPEN
    ):
        yield schema["title"]
    inner = [*schema.get("properties", {}).values(), *schema.get("anyOf", []), *schema.get("oneOf", [])]
    inner += [schema["items"]] if "items" in schema else []
    for part in inner:
        yield from open_objects(part, known, seen)


@pytest.mark.fault(26)
@pytest.mark.parametrize("name", sorted(SERVICE_PORTS))
def test_every_json_body_forbids_fields_it_does_not_name(name: str) -> None:
    document = create_app(load_service(name)).openapi()
    known = document.get("components", {}).get("schemas", {})
    found = {
        (verb, path): sorted(set(open_objects(content["schema"], known, frozenset())))
        for path, operations in document["paths"].items()
        for verb, operation in operations.items()
        for kind, content in operation.get("requestBody", {}).get("content", {}).items()
        if kind == "application/json"
    }
    assert {place: objects for place, objects in found.items() if objects} == {}
