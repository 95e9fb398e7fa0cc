"""Money: NUMERIC(10,2) dollars on price tags, BIGINT cents in ledgers, one type between them."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from functools import total_ordering
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from shared.errors import InvalidInput

_CENT: Final = Decimal("0.01")


def to_cents(amount: Decimal) -> Decimal:
    """The amount rounded half-up to whole cents, still in dollars (G-45)."""
    return amount.quantize(_CENT, rounding=ROUND_HALF_UP)


@total_ordering
class Money(BaseModel):
    """An exact amount of one currency; arithmetic across currencies is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cents: int
    currency: str = Field(default="USD", pattern=r"^[A-Z]{3}$")

    @classmethod
    def of(cls, dollars: Decimal | int | str, currency: str = "USD") -> Money:
        """Money of a dollar amount, rounded half-up; floats are not accepted, they are not exact."""
        if isinstance(dollars, float):
            raise InvalidInput("money is never a float")
        return cls(cents=int(to_cents(Decimal(dollars)) * 100), currency=currency)

    @property
    def dollars(self) -> Decimal:
        """The amount as NUMERIC(10,2) holds it."""
        return (Decimal(self.cents) / 100).quantize(_CENT)

    def times(self, factor: Decimal) -> Money:
        """The amount multiplied and rounded half-up to cents."""
        return Money.of(self.dollars * factor, self.currency)

    def __add__(self, other: Money) -> Money:
        return Money(cents=self.cents + self._same(other), currency=self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(cents=self.cents - self._same(other), currency=self.currency)

    def __neg__(self) -> Money:
        return Money(cents=-self.cents, currency=self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.cents < self._same(other)

    def __str__(self) -> str:
        return f"{self.dollars} {self.currency}"

    def _same(self, other: Money) -> int:
        if other.currency != self.currency:
            raise InvalidInput("two currencies do not add", left=self.currency, right=other.currency)
        return other.cents
