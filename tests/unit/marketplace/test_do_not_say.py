"""What is not said at a door, by state."""

from __future__ import annotations

from services.marketplace.domain.do_not_say import EVERYWHERE, do_not_say


def test_every_state_hears_of_deductibles_free_roofs_policies_and_unseen_damage() -> None:
    words = " ".join(do_not_say("TX"))

    assert do_not_say("TX") == do_not_say("??") == EVERYWHERE
    assert all(said in words for said in ("deductible", "free roof", "policy", "on site"))


def test_florida_has_a_sentence_of_its_own() -> None:
    (own,) = set(do_not_say("FL")) - set(EVERYWHERE)

    assert "489.147" in own
