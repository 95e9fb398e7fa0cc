"""The rule data of one policy version, read once from the dated folders under `rules/`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any

import yaml


@dataclass(frozen=True, slots=True)
class Policy:
    """One version of all rules; `sale`, `contact`, `texts` and the others are the parsed files."""

    version: str
    effective_from: datetime
    valid_for: timedelta
    sale: Mapping[str, Any]
    contact: Mapping[str, Any]
    texts: Mapping[str, Any]
    area_codes: Mapping[str, Any]
    images: Mapping[str, Any]
    listings: Mapping[str, Any]


def policy_at(now: datetime) -> Policy:
    """The newest policy in force at `now`; before the first one, the first one."""
    in_force = [policy for policy in all_policies() if policy.effective_from <= now]
    return in_force[-1] if in_force else all_policies()[0]


@cache
def all_policies() -> tuple[Policy, ...]:
    """Every policy version that ships, oldest first."""
    folders = [entry for entry in files("shared.compliance.rules").iterdir() if entry.name[:1].isdigit()]
    policies = [_read(entry.name) for entry in folders if entry.is_dir()]
    return tuple(sorted(policies, key=lambda policy: policy.effective_from))


def _read(folder: str) -> Policy:
    head = _file(folder, "policy")
    effective: datetime = head["effective_from"]
    return Policy(
        version=head["version"],
        effective_from=effective if effective.tzinfo else effective.replace(tzinfo=UTC),
        valid_for=timedelta(minutes=head["valid_minutes"]),
        sale=_file(folder, "sale"),
        contact=_file(folder, "contact"),
        texts=_file(folder, "texts"),
        area_codes=_file(folder, "area_codes"),
        images=_file(folder, "images"),
        listings=_file(folder, "listings"),
    )


def _file(folder: str, name: str) -> dict[str, Any]:
    text = (files("shared.compliance.rules") / folder / f"{name}.yaml").read_text(encoding="utf-8")
    content: dict[str, Any] = yaml.load(text, Loader=yaml.CSafeLoader)  # safe_load, in C
    return content
