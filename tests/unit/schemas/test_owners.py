from __future__ import annotations

from shared.schemas.owners import is_company


def test_companies_are_told_from_persons() -> None:
    assert is_company("ACME HOLDINGS LLC") is True
    assert is_company("SMITH JOHN & MARY TRUSTEES") is False
    assert is_company(None) is None
