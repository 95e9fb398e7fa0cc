"""Terms of costs as lines a person reads."""

from __future__ import annotations

from services.marketplace.pages.leads import _flat
from services.marketplace.pages.words import name


def test_nested_terms_and_lists_become_lines_of_their_own() -> None:
    terms = {"sqft": 1565.0, "items": {"tree_damage": {"low": 10.5}}, "reasons": ["old", "hail"], "empty": []}

    assert [(name(term), value) for term, value in _flat(terms)] == [
        ("Roof area", 1565.0),
        ("Items tree damage low", 10.5),
        ("Reasons", "old; hail"),
        ("Empty", ""),
    ]
