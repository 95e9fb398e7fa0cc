"""Which law keeps a public record's person fields out of our tables (compliance.md PR-5 to PR-8), and rows without them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeVar

from services.scraper.domain.rows import ParcelRow, PermitRow, Rejected, StatusChange
from shared.compliance.policy import policy_at

Row = TypeVar("Row", PermitRow, ParcelRow)
SOURCE_TERMS = "the terms of its source"


def laws_at_entry() -> Mapping[str, Mapping[str, str]]:
    """The states' laws against person fields that the sale rules name today."""
    laws: Mapping[str, Mapping[str, str]] = policy_at(datetime.now(UTC)).sale["person_fields_at_entry"]
    return laws


def stripped_fields(kind: str) -> Sequence[str]:
    """The person fields of `permits` or `parcels`."""
    fields: Sequence[str] = policy_at(datetime.now(UTC)).sale["stripped_at_entry"][kind]
    return fields


@dataclass(frozen=True, slots=True)
class Filings:
    """What lifts a state's rule: statements by (state, source), an empty source meaning all of the state."""

    statements: frozenset[tuple[str, str]] = frozenset()
    brokers: frozenset[str] = frozenset()
    switched_on: frozenset[str] = frozenset()

    def lift(self, rule: str, state: str, source: str) -> bool:
        """True where the rule asks for something that is there."""
        if rule == "statement":
            return bool({(state, source), (state, "")} & self.statements)
        return (rule == "broker" and state in self.brokers) or (
            rule == "switch" and state in self.switched_on
        )


@dataclass(frozen=True, slots=True)
class PersonRules:
    """The states' rules against what is filed today; `uses` is the registry's commercial use by source."""

    laws: Mapping[str, Mapping[str, str]]
    filings: Filings
    uses: Mapping[str, str] = field(default_factory=dict)

    def law_against(self, state: str, source: str) -> str | None:
        """The law that keeps person fields of this state's source out, or None."""
        rule = self.laws.get(state)
        if rule is not None and not self.filings.lift(rule["lifted_by"], state, source):
            return rule["law"]
        use = self.uses.get(source)
        without_statement = use == "statement_required" and not self.filings.lift("statement", state, source)
        return SOURCE_TERMS if rule is None and (use == "prohibited" or without_statement) else None

    def strip(
        self, rows: Iterable[Row | Rejected | StatusChange], fields: Sequence[str]
    ) -> Iterator[Row | Rejected | StatusChange]:
        """Rows of many places, each without its person fields where a law of its own state is against them."""
        against = lru_cache(maxsize=1024)(self.law_against)
        for row in rows:
            if isinstance(row, (Rejected, StatusChange)) or not against(row.state, row.source):
                yield row
            else:
                yield without(row, fields)


def without(row: Row | Rejected, fields: Sequence[str]) -> Row | Rejected:
    """The row with these fields empty; what was told of the house stays."""
    empty: dict[str, Any] = dict.fromkeys(fields)
    return row if isinstance(row, Rejected) else replace(row, **empty)
