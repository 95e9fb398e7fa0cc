"""What pictures prove: never hail from afar, never a storm that came after them."""

from __future__ import annotations

from datetime import date
from uuid import uuid4

import pytest

from services.ml_inference.domain.damage import StormOverHouse, cautions, house_damage, shows, storm_is_seen
from shared.schemas.enums import DamageType, ImageDomain, ImageType, ViewAngle, WeatherEventType
from shared.schemas.roof_evidence import Box, PictureEvidence, SeenDamage

STORM_DAY = date(2026, 5, 20)
HAIL = StormOverHouse(WeatherEventType.HAIL, STORM_DAY, 92)
WIND = StormOverHouse(WeatherEventType.WIND, STORM_DAY, 85)


def picture(
    *damages: tuple[DamageType, float], gsd_m: float | None = 0.15, captured: date | None = date(2026, 6, 1)
) -> PictureEvidence:
    image = uuid4()
    found = [
        SeenDamage(
            image_id=image,
            damage=damage,
            confidence=0.8,
            box=Box(left=0.1, top=0.1, right=0.2, bottom=0.2),
            area_share=share,
            severity=0.0,
        )
        for damage, share in damages
    ]
    return PictureEvidence(
        image_id=image,
        image_type=ImageType.SATELLITE,
        view_angle=ViewAngle.OVERHEAD,
        source="s",
        domain=ImageDomain.RENDERED,
        capture_date=captured,
        gsd_m=gsd_m,
        damages=found,
    )


def test_severity_is_share_by_weight_of_the_picture_that_shows_most() -> None:
    missing = DamageType.MISSING_SHINGLES

    damage = house_damage([picture((missing, 0.04), (missing, 0.02)), picture((missing, 0.05))])

    assert damage.shares == {missing: pytest.approx(0.06)}
    assert damage.severities == {missing: 30.0}
    assert damage.severity == 30.0
    assert damage.confidence == pytest.approx(0.8)


def test_nothing_seen_has_no_confidence() -> None:
    damage = house_damage([picture()])

    assert (damage.severity, damage.confidence) == (0, None)


@pytest.mark.parametrize(
    ("gsd_m", "proven"), [(None, False), (0.6, False), (0.075, False), (0.03, False), (0.01, True)]
)
def test_hail_is_damage_only_where_a_pixel_is_a_centimetre(gsd_m: float | None, proven: bool) -> None:
    assert shows(DamageType.HAIL_DENTS, gsd_m) is proven
    assert shows(DamageType.PONDING, gsd_m)
    said = cautions([picture(gsd_m=gsd_m)], HAIL, marks_like_hail=False)
    assert [word.startswith("storm exposure") for word in said] == ([] if proven else [True])


def test_marks_like_hail_are_exposure_in_so_many_words() -> None:
    said = cautions([picture()], None, marks_like_hail=True)

    assert len(said) == 1
    assert "storm exposure" in said[0]
    assert "not hail damage" in said[0]


def test_a_picture_older_than_the_storm_cannot_show_its_damage() -> None:
    before = picture((DamageType.MISSING_SHINGLES, 0.1), captured=date(2026, 5, 19))
    after = picture((DamageType.MISSING_SHINGLES, 0.1), captured=STORM_DAY)
    undated = picture((DamageType.MISSING_SHINGLES, 0.1), captured=None)

    assert [storm_is_seen([one], WIND, house_damage([one])) for one in (before, after, undated)] == [
        False,
        True,
        False,
    ]
    assert [bool(cautions([one], WIND, marks_like_hail=False)) for one in (before, after, undated)] == [
        True,
        False,
        True,
    ]


def test_moss_is_no_storm_damage() -> None:
    mossy = picture((DamageType.MOSS_ALGAE, 0.3))

    assert not storm_is_seen([mossy], WIND, house_damage([mossy]))
    assert not storm_is_seen([mossy], None, house_damage([mossy]))
