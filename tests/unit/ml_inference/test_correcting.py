"""The damage columns of an analysis after a reviewer drew its damages anew."""

from __future__ import annotations

from uuid import uuid4

from services.ml_inference.service.correcting import corrected_columns
from shared.schemas.enums import DamageType
from shared.schemas.review import CorrectedDamage
from shared.schemas.roof_evidence import Box
from tests.factories.roof_evidence import evidence_of

BOX = Box(left=0.45, top=0.45, right=0.55, bottom=0.55)


def test_what_was_deleted_is_gone_and_costs_nothing() -> None:
    columns = corrected_columns(evidence_of([uuid4(), uuid4()]), [], 2800)

    assert (columns["damage_detected"], columns["damage_types"], columns["damage_severity"]) == (
        False,
        [],
        None,
    )
    assert (columns["damage_locations"], columns["repair_low"]) == ([], None)


def test_a_mark_counts_on_its_own_picture_and_without_prices_has_no_cost() -> None:
    above, street = uuid4(), uuid4()
    drawn = [
        CorrectedDamage(image_id=image, damage=DamageType.PONDING, box=BOX) for image in (above, uuid4())
    ]
    columns = corrected_columns(evidence_of([above, street]), drawn, 2800)

    assert columns["damage_types"] == ["ponding"]
    assert [found["image_id"] for found in columns["damage_locations"]] == [str(above)]
    assert columns["repair_low"] is None
