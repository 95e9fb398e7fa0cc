"""What a search for an owner's contact has found so far, what it paid, and what of it is kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from services.enricher.domain.confidence import confidence_of, is_kept
from services.enricher.domain.waterfall import best_of

Answer = Mapping[str, Any]


@dataclass(slots=True)
class Found:
    """One finder's answer and what the verifiers said of its address, as their effects recorded them."""

    answer: Answer
    verdicts: list[Answer] = field(default_factory=list)

    @property
    def status(self) -> str:
        """The last verifier's word; `none` where none was asked."""
        return str(self.verdicts[-1]["status"]) if self.verdicts else "none"


@dataclass(slots=True)
class Search:
    """How far a search came."""

    found: list[Found] = field(default_factory=list)
    records: list[Answer] = field(default_factory=list)
    """Answers about the house and the line, which cost too: who owns it, what kind of line a number is."""

    passed_over: dict[str, str] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)
    opted_out: bool = False
    phone: dict[str, Any] | None = None
    """Line type, carrier and do-not-call status of the last number looked at, never the number."""

    address: str | None = None
    """What the post says of the house's address, or why it was not asked."""

    @property
    def verified(self) -> bool:
        """True when an address is known to take mail: nobody else is asked."""
        return any(one.status == "valid" for one in self.found)

    @property
    def best(self) -> Found | None:
        """The answer whose address is kept."""
        held = [one for one in self.found if one.answer.get("email") and is_kept(one.status)]
        place = best_of(one.status for one in held)
        return None if place is None or self.opted_out else held[place]

    @property
    def status(self) -> str:
        """The verifier's word on the kept address, else on the last that was found."""
        told = [one for one in self.found if one.answer.get("email")]
        return (self.best or told[-1]).status if told else "none"

    @property
    def confidence(self) -> int | None:
        """How sure we are of the kept address, 0 to 100."""
        best = self.best
        return confidence_of(best.answer["confidence"], best.status) if best else None

    @property
    def cost(self) -> Decimal:
        """What all answers cost together, US dollars: each was billed, kept or not."""
        answers = [answer for one in self.found for answer in (one.answer, *one.verdicts)]
        answers += self.records
        return sum((Decimal(answer["cost"]) for answer in answers), Decimal(0))

    @property
    def calls(self) -> int:
        """How many vendors' answers there are."""
        verdicts = (sum(1 for said in one.verdicts if said["provider"]) for one in self.found)
        return len(self.found) + sum(verdicts) + len(self.records)

    @property
    def tried(self) -> list[str]:
        """Who was asked, in order."""
        return [answer["provider"] for answer in (*self.records, *(one.answer for one in self.found))]

    @property
    def refusal(self) -> str | None:
        """The first vendor's refusal where it left the search without an answer; None where vendors answered."""
        if self.opted_out:
            return self.refusals[-1]
        unanswered = not self.found or any(one.answer.get("email") and not one.verdicts for one in self.found)
        return self.refusals[0] if self.refusals and unanswered and not self.best else None

    @property
    def why_empty(self) -> str:
        """Why there is no address, in words."""
        if self.refusal:
            return self.refusal
        if any(one.answer.get("email") for one in self.found):
            return f"the address that was found is {self.status.replace('_', ' ')}"
        if not self.found and self.passed_over:
            return "; ".join(f"{name}: {reason}" for name, reason in self.passed_over.items())
        return "no finder knows an address of the owner"

    def phones(self) -> Iterator[tuple[Found, Answer]]:
        """The numbers that came with the answers, sealed, in the order of the asking; none of who objects."""
        if not self.opted_out:
            yield from ((one, phone) for one in self.found for phone in one.answer.get("phones", ()))

    def record(self) -> dict[str, Any]:
        """What the record of the search keeps, without personal data."""
        return {
            "verification": self.status,
            "tries": [
                {
                    "provider": one.answer["provider"],
                    "found": bool(one.answer.get("email")),
                    "cost": one.answer["cost"],
                    "verdicts": [dict(said) for said in one.verdicts],
                }
                for one in self.found
            ],
            "records": [
                {name: one[name] for name in ("provider", "cost", "company") if name in one}
                for one in self.records
            ],
            "passed_over": self.passed_over,
            "refusals": self.refusals,
            "opted_out": self.opted_out,
            "phone": self.phone,
            "address": self.address,
        }
