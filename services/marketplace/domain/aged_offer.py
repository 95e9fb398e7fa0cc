"""What a buyer of aged leads asks for, and what to say where there is not enough of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from services.marketplace.domain.aged_buckets import nearest_first
from shared.schemas.aged_enums import AgeBucket, AgedClass
from shared.schemas.money import Money
from shared.schemas.text import parse_state

MOST_CRITERIA: Final = 10
MOST_LEADS: Final = 1_000

StateCode = Annotated[str, Field(min_length=2, max_length=2), AfterValidator(parse_state)]
CountyName = Annotated[str, Field(min_length=1, max_length=100)]


class Criterion(BaseModel):
    """So many leads of one class and age, of one state or county where named."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    classification: AgedClass
    age_bucket: AgeBucket
    quantity: int = Field(ge=1, le=MOST_LEADS, strict=True)
    state: StateCode | None = None
    county: CountyName | None = None

    @model_validator(mode="after")
    def _county_has_its_state(self) -> Criterion:
        """Many states have a county of one name."""
        if self.county and not self.state:
            raise ValueError("a county needs its state")
        return self

    def words(self) -> str:
        """The criterion as one line for the buyer."""
        place = "".join(
            f" {name}={value}" for name, value in (("state", self.state), ("county", self.county)) if value
        )
        return f"{self.classification} {self.age_bucket}{place} qty={self.quantity}"


class Order(BaseModel):
    """What a client wants to buy at once: all of it or nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    client_id: UUID
    criteria: list[Criterion] = Field(min_length=1, max_length=MOST_CRITERIA)

    @model_validator(mode="after")
    def _fits_one_purchase(self) -> Order:
        """One purchase is one transaction and one file."""
        if self.quantity > MOST_LEADS:
            raise ValueError(
                f"one purchase takes at most {MOST_LEADS} leads, this one asks for {self.quantity}"
            )
        return self

    @property
    def quantity(self) -> int:
        """Leads of all criteria together."""
        return sum(criterion.quantity for criterion in self.criteria)


class Alternative(BaseModel):
    """Something the buyer could have instead; the total is that of as many as were asked for, or as there are."""

    description: str
    available_count: int
    suggestion_type: Literal["partial", "no_location_filter", "different_age_bucket"]
    unit_price: str
    total_price: str


class Shortage(BaseModel):
    """Why a purchase was not made, in the words of the buyer's interface."""

    error: Literal["insufficient_inventory"] = "insufficient_inventory"
    requested: int
    available: int
    criteria: str
    item_index: int | None
    is_multi_item: bool
    alternatives: list[Alternative]


def price_text(cents: int) -> str:
    """An amount of cents as dollars for a buyer: two decimals, no sign."""
    return str(Money(cents=cents).dollars)


def alternatives(
    wanted: Criterion,
    *,
    available: int,
    anywhere: int,
    by_bucket: Mapping[AgeBucket, int],
    prices: Mapping[tuple[AgedClass, AgeBucket], int],
) -> list[Alternative]:
    """What could be bought instead; nothing is suggested of which there is none.

    `by_bucket` counts the other buckets at the same place; the nearest that has enough is named, else the fullest.
    """
    return [
        *_partial(wanted, available, prices[wanted.classification, wanted.age_bucket]),
        *_anywhere(wanted, available, anywhere, prices[wanted.classification, wanted.age_bucket]),
        *_other_bucket(wanted, by_bucket, prices),
    ]


def _partial(wanted: Criterion, available: int, cents: int) -> Iterator[Alternative]:
    if available:
        words = f"Purchase {available} available leads (${price_text(cents * available)})"
        yield _alternative(wanted, "partial", words, available, cents)


def _anywhere(wanted: Criterion, available: int, anywhere: int, cents: int) -> Iterator[Alternative]:
    place = _place(wanted)
    if place and anywhere > available:
        words = f"Remove location filter ({anywhere} available without {place} filter)"
        yield _alternative(wanted, "no_location_filter", words, anywhere, cents)


def _other_bucket(
    wanted: Criterion,
    by_bucket: Mapping[AgeBucket, int],
    prices: Mapping[tuple[AgedClass, AgeBucket], int],
) -> Iterator[Alternative]:
    others = [
        bucket
        for bucket in nearest_first(wanted.age_bucket)
        if by_bucket.get(bucket, 0) and (wanted.classification, bucket) in prices
    ]
    if not others:
        return
    enough = (bucket for bucket in others if by_bucket[bucket] >= wanted.quantity)
    best = next(enough, max(others, key=lambda bucket: by_bucket[bucket]))
    place = _place(wanted)
    words = f"Try {best} age bucket ({by_bucket[best]} available{f' in {place}' if place else ''})"
    cents = prices[wanted.classification, best]
    yield _alternative(wanted, "different_age_bucket", words, by_bucket[best], cents)


def _place(wanted: Criterion) -> str:
    return ", ".join(part for part in (wanted.county, wanted.state) if part)


def _alternative(
    wanted: Criterion,
    kind: Literal["partial", "no_location_filter", "different_age_bucket"],
    words: str,
    count: int,
    cents: int,
) -> Alternative:
    return Alternative(
        description=words,
        available_count=count,
        suggestion_type=kind,
        unit_price=price_text(cents),
        total_price=price_text(cents * min(count, wanted.quantity)),
    )
