"""Notices in our own pages say what they are about and where to go."""

from __future__ import annotations

from services.marketplace.domain.notices import KINDS, NoticeName
from services.marketplace.domain.speed import NUDGES


def test_every_notice_has_its_words_and_its_page() -> None:
    assert set(KINDS) == {*NoticeName, *(each.kind for each in NUDGES)}
    assert all(kind.title and kind.link.startswith("/my/") for kind in KINDS.values())
