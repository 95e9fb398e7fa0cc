"""Sources as people read them."""

from __future__ import annotations

import pytest

from services.marketplace.pages.words import SOURCES, source


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("google_static", "Google Maps satellite picture"),
        ("naip", "USDA aerial pictures (NAIP)"),
        ("harrow_tx_parcels", "Harrow, TX, parcel records"),
        ("san_antonio_tx_permits", "San Antonio, TX, permit records"),
        ("nashville_tn_issued", "Nashville, TN, permits issued"),
        ("chicago_il_parcels_2", "Chicago, IL, parcels 2"),
        ("colorado_public_parcels", "Colorado public parcels"),
        ("county_roll", "County roll"),
        ("our roof models on pictures", "Our roof models on pictures"),
        (None, "\N{EN DASH}"),
        ("", "\N{EN DASH}"),
    ],
)
def test_a_source_is_said_in_words(word: str | None, words: str) -> None:
    assert source(word) == words


def test_no_source_of_ours_is_shown_raw() -> None:
    assert all("_" not in words for words in SOURCES.values())
