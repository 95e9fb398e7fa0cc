"""A feed's configuration: what its kind needs is there, and each kind has a reader."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from pydantic import ValidationError

from shared.providers.permit_source import NEEDS, READERS, SourceConfig, build


@pytest.mark.parametrize("kind", list(NEEDS))
def test_a_feed_without_what_its_kind_needs_is_refused_by_name(kind: str) -> None:
    with pytest.raises(ValidationError, match=f"kind {kind} needs {NEEDS[kind][0][0]}"):
        SourceConfig.model_validate({"key": "k", "kind": kind})


def test_every_kind_has_its_reader(world: Any, settings: Any) -> None:
    assert set(READERS) == set(get_args(SourceConfig.model_fields["kind"].annotation))
    everything = {
        "base_domain": "data.town.test",
        "dataset_id": "abcd-1234",
        "layer_url": "https://gis.town.test/0",
        "resource_id": "c21106f9-3ef5-4f3a-8604-f992b4db7512",
        "url": "https://data.town.test/permits.csv",
        "accela_agency_code": "TOWN",
        "accela_module": "Building",
        "portal_url": "https://aca.town.test/TOWN/Cap/CapHome.aspx",
        "recipe": {
            "row": {"css": "tr"},
            "cells": [{"field": "number", "css": "td"}],
            "empty_text": "No permits",
        },
    }
    for kind in READERS:
        source = build(
            SourceConfig.model_validate({"key": "k", "kind": kind, **everything}), settings, world.deps
        )
        assert source.name in (kind, "accela")


@pytest.mark.parametrize(
    "field",
    [
        {"url": "file:///etc/passwd"},
        {"portal_url": "javascript:alert(1)"},
        {"resource_id": "../../x"},
        {"accela_agency_code": "a b"},
        {"row_cap": 0},
        {"search_days": 0},
        {"energov": {"unheard_of": 1}},
    ],
    ids=lambda field: next(iter(field)),
)
def test_odd_values_are_refused(field: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SourceConfig.model_validate({"key": "k", "kind": "energov", **field})
