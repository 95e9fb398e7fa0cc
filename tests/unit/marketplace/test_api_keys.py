"""API keys: random, told from everything else by their look, and opening only what their scopes name."""

from __future__ import annotations

import pytest

from services.marketplace.domain.api_keys import (
    KEY_CHARACTERS,
    SHOWN_CHARACTERS,
    hash_key,
    looks_like_key,
    make_key,
    opened_by,
)
from shared.errors import NotAllowed
from shared.schemas.account_enums import KeyScope
from shared.security.policy import Action, Actor, Role, Scope, permitted_scope


def test_a_key_is_new_every_time_and_its_hash_does_not_show_it() -> None:
    first, second = make_key(), make_key()

    assert first != second
    assert looks_like_key(first)
    assert first[SHOWN_CHARACTERS:] not in hash_key(first)


@pytest.mark.parametrize(
    "presented",
    ["", "rlb_", "rlk_" + "x" * 43, "rlb_" + "x" * 42, "rlb_" + "x" * 44, "rlb_" + "é" * 43],
)
def test_what_does_not_look_like_a_key_is_none(presented: str) -> None:
    assert not looks_like_key(presented)


def test_the_longest_look_is_the_real_one() -> None:
    assert len(make_key()) == KEY_CHARACTERS


def test_a_scope_opens_what_it_names_and_an_unknown_word_nothing() -> None:
    reading = opened_by([KeyScope.LEADS_READ])

    assert Action.LEAD_READ in reading
    assert Action.LEAD_PURCHASE not in reading
    assert opened_by([*KeyScope]) == reading | {Action.LEAD_PURCHASE}
    assert opened_by(["people:write"]) == frozenset()


@pytest.mark.parametrize("action", sorted(set(Action) - opened_by([*KeyScope])))
def test_no_scope_opens_anything_but_leads(action: Action) -> None:
    actor = Actor(Role.CONTRACTOR_MEMBER, "key:1", only=opened_by([*KeyScope]))

    with pytest.raises(NotAllowed, match="API key"):
        permitted_scope(actor, action)


def test_a_key_opens_no_more_than_its_role_may() -> None:
    assert permitted_scope(
        Actor(Role.CONTRACTOR_MEMBER, "k", only=frozenset(Action)), Action.LEAD_PURCHASE
    ) == (Scope.OWN)
    with pytest.raises(NotAllowed, match="Role"):
        permitted_scope(Actor(Role.CONTRACTOR_MEMBER, "k", only=frozenset(Action)), Action.KEY_WRITE)
