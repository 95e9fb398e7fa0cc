"""The handed-over facts about cities, sources and states in the form that the seeds have.

Facts are re-typed, never copied: words become the terms of `retype_rules`, and a word that no rule knows stops
the run. The same input gives the same files, so that a change of facts is a difference to review.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from house import retype_rules as rules

Fact = dict[str, Any]
SEEDS = ("cities.csv", "city_sources.yaml", "state_rules.yaml")
ENDPOINTS = (
    "base_domain", "dataset_id", "layer_url", "url", "resource_id", "file_format", "portal_url",
    "accela_agency_code", "accela_module",
)  # fmt: skip
SOURCES_HEAD = """\
# Permit and parcel sources of the 75 target cities, written by scripts/retype-sources: change its rules, not this file.
# Sources stand in the order in which they are tried. `key` is also the key of the licence row (source_registry),
# `terms` and `commercial_use` are what that row starts with. Only `usable` and `watch` are ever asked.
# In a field map a list joins columns (address, work_description) or names them in order of preference.
"""
STATES_HEAD = """\
# What each state asks of roofers, callers and buyers of records, written by scripts/retype-sources.
# `marks` say on what a fact rests; recalled ones are not law advice and unlock nothing.
"""
CITY_COLUMNS = (
    "city", "state", "county", "county_fips", "tier", "priority", "population", "median_home_value",
    "storm_risk_score", "lat", "lng", "time_zone", "bbox", "cost_index", "material_cost_index",
    "labour_cost_index", "platform_type",
)  # fmt: skip


class UnknownWords(Exception):
    """The facts say something that no rule re-types."""


def retype(folder: Path) -> dict[str, str]:
    """The text of each seed file, from the folder of handed-over facts."""
    facts = yaml.safe_load((folder / "city_sources.yaml").read_text())
    cities = [_city_sources(city) for city in facts["cities"]]
    states = [_state(row) for row in _rows(folder / "state_rules.csv")]
    rows = _cities(_rows(folder / "cities.csv"), _rows(folder / "cost_index.csv"), cities)
    return {
        "cities.csv": _csv(rows),
        "city_sources.yaml": SOURCES_HEAD + _yaml(cities),
        "state_rules.yaml": STATES_HEAD + _yaml(states),
    }


def status_of(source: Mapping[str, Any], table: Iterable[tuple[str, str, str, str]]) -> tuple[str, str]:
    """A source's status and the reason for it; UnknownWords where no rule fits."""
    for field, pattern, status, reason in table:
        if re.search(pattern, str(source.get(field) or "")):
            return status, reason.format_map(source)
    raise UnknownWords(f"no rule tells the status of {source.get('key')}: {source.get('status')!r}")


def permit_source(facts: Mapping[str, Any], state: str) -> Fact:
    """A permit feed or portal in the seeds' form."""
    kind, changes = facts["kind"], rules.PERMIT_CHANGES.get(facts["key"], {})
    liveness = f"{facts['status']}, {facts['confidence']}"
    status, reason = status_of({**facts, "liveness": liveness}, rules.PERMIT_STATUS)
    source: Fact = {"key": facts["key"], "kind": kind, "status": status, "status_reason": reason or None}
    source |= {"confidence": facts["confidence"], **_endpoint(facts), **_licence(kind, state, "allowed")}
    if kind in rules.OPEN_DATA_KINDS:
        source["freshness_days"] = rules.FRESHNESS.get(facts["key"], rules.FRESHNESS_DAYS)
        source |= _date(facts)
        source |= {name: value for name, value in changes.items() if not name.startswith("field_map.")}
        fields = {name: _columns(facts["field_map"].get(name)) for name in rules.PERMIT_FIELDS}
        fields |= {name[10:]: value for name, value in changes.items() if name.startswith("field_map.")}
        source["field_map"] = _with_roofing_words(_present(fields), facts["roofing_filter"])
    return _present(source)


def parcel_source(facts: Mapping[str, Any], key: str, city: Mapping[str, Any]) -> Fact:
    """A parcel layer, file or page in the seeds' form."""
    fields = _present(
        {ours: _columns(facts["field_map"].get(theirs)) for ours, theirs in rules.PARCEL_FIELDS.items()}
    )
    unmapped = " and ".join(name.replace("_", " ") for name in ("parcel_id", "address") if name not in fields)
    status, reason = status_of({"notes": "", **facts, "unmapped": unmapped}, rules.PARCEL_STATUS)
    kind = facts["kind"]
    source: Fact = {"key": key, "kind": kind, "status": status, "status_reason": reason or None}
    source |= {"confidence": facts["confidence"], **_parcel_endpoint(facts)}
    source |= _licence(kind, city["state"], "unknown")
    if "terms forbid" in reason:
        source |= {"terms": "prohibited", "commercial_use": "prohibited"}
    if key in rules.SHARED_LAYERS.values() and isinstance(fields.get("city"), str):
        source["where"] = f"UPPER({fields['city']}) = '{city['city'].upper()}'"
    return _present({**source, "field_map": fields})


def _city_sources(city: Mapping[str, Any]) -> Fact:
    known = {facts["key"]: facts for facts in city["permit_sources"]}
    permits = [permit_source(_completed(facts, known), city["state"]) for facts in city["permit_sources"]]
    keys = _parcel_keys(city)
    parcels = [
        parcel_source(facts, key, city) for facts, key in zip(city["parcel_sources"], keys, strict=True)
    ]
    return {
        "city": city["city"],
        "state": city["state"],
        "permit_sources": _in_order(permits),
        "parcel_sources": _in_order(parcels),
    }


def _completed(facts: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    """A feed with the columns of the publisher's other feed, where its own were not all seen."""
    other = rules.COLUMNS_OF.get(facts["key"])
    if other is None:
        return facts
    return {**facts, "field_map": {**known[other]["field_map"], **facts["field_map"]}}


def _in_order(sources: Sequence[Fact]) -> list[Fact]:
    return sorted(sources, key=lambda source: rules.RANK.index(source["status"]))


def _parcel_keys(city: Mapping[str, Any]) -> list[str]:
    own = re.sub(r"[^a-z0-9]+", "_", f"{city['city']}_{city['state']}_parcels".lower())
    keys: list[str] = []
    for facts in city["parcel_sources"]:
        shared = (key for part, key in rules.SHARED_LAYERS.items() if part in facts["url"])
        key = next(shared, own)
        keys.append(key if key not in keys else f"{key}_{len(keys) + 1}")
    return keys


def _licence(kind: str, state: str, otherwise: str) -> Fact:
    if kind not in rules.OPEN_DATA_KINDS:
        return {"terms": "unreviewed", "commercial_use": "unknown"}
    return {"terms": "open_data", "commercial_use": rules.PUBLIC_RECORD_LAW.get(state, otherwise)}


def _endpoint(facts: Mapping[str, Any]) -> Fact:
    """Where the source is; a layer's address says its host."""
    found = _present({name: facts.get(name) for name in ENDPOINTS})
    if "portal_url" in found and "//" not in found["portal_url"]:
        found["portal_url"] = f"https://{found['portal_url']}"
    if {"layer_url", "portal_url", "url"} & set(found):
        found.pop("base_domain", None)
    return found


def _parcel_endpoint(facts: Mapping[str, Any]) -> Fact:
    url = urlsplit(facts["url"])
    if facts["kind"] == "socrata":
        return {"base_domain": url.netloc, "dataset_id": Path(url.path).stem}
    return {{"arcgis": "layer_url", "html_portal": "portal_url"}.get(facts["kind"], "url"): facts["url"]}


def _date(facts: Mapping[str, Any]) -> Fact:
    words = facts.get("date_type")
    if words is not None and words not in rules.DATE_WORDS:
        raise UnknownWords(f"no rule tells the dates of {facts['key']}: {words!r}")
    return {
        "incremental_date_field": facts["incremental_date_field"],
        **(rules.DATE_WORDS[words] if words else {}),
    }


def _with_roofing_words(fields: Fact, roofing: Mapping[str, Any]) -> Fact:
    """The map with every column that tells of roofs in its text; the server's own filter would lose other trades."""
    told = _columns(list(roofing.get("fields") or ())) or []
    known = [*_listed(fields.get("permit_type")), *_listed(fields.get("work_description"))]
    further = [column for column in told if column not in known]
    if further and fields:
        described = [*_listed(fields.get("work_description")), *further]
        fields = {**fields, "work_description": described[0] if len(described) == 1 else described}
    return fields


def _listed(columns: str | list[str] | None) -> list[str]:
    return [columns] if isinstance(columns, str) else list(columns or ())


def _columns(given: str | list[str] | None) -> str | list[str] | None:
    """Real column names only; UnknownWords for a sentence in their place."""
    if isinstance(given, list):
        return [name for column in given if isinstance(name := _columns(column), str)] or None
    if given is None or given in rules.WORDED:
        return rules.WORDED.get(given) if given else None
    if " where contact_N_type contains " not in given and re.search(r"[(:+,]", given):
        raise UnknownWords(f"no rule tells the column of {given!r}")
    return given


def _state(row: Mapping[str, str]) -> Fact:
    marks = {name.removesuffix("_mark"): row[name] for name in row if name.endswith("_mark")}
    return _present(
        {
            "state": row["state"],
            "roofing_credential_required": row["roofing_license_required"] == "y",
            "credential_kind": row["credential_kind"],
            "credential_threshold": row["license_threshold"],
            "credential_board": row["license_board"],
            "credential_lookup": row["license_lookup"],
            "sale_price_disclosed": row["sale_price_disclosure"] == "disclosure",
            "telemarketing_law": row["telemarketing_law"],
            "calling_hours_weekday": row["calling_hours_weekday_local"],
            "calling_hours_sunday": row["calling_hours_sunday_local"],
            "calling_holidays": row["holiday_rule"],
            "attempts_per_day": _whole(row["max_attempts_per_day"]),
            "recording_consent": row["call_recording_consent"],
            "recommended_hours_weekday": row["recommended_window_weekday"],
            "recommended_hours_sunday": row["recommended_window_sunday"],
            "recommended_attempts_per_day": _whole(row["recommended_max_attempts_per_day"]),
            "marks": _present(marks),
        }
    )


def _whole(given: str) -> int | str:
    return int(given) if given.isdigit() else given


def _cities(
    cities: Iterable[Mapping[str, str]], costs: Iterable[Mapping[str, str]], sources: Iterable[Fact]
) -> Iterable[list[str]]:
    cost = {(row["city"], row["state"]): row for row in costs}
    platform = {(row["city"], row["state"]): _platform(row["permit_sources"]) for row in sources}
    for row in cities:
        place = (row["city"], row["state"])
        known = {
            **row,
            "time_zone": row["timezone"],
            "cost_index": cost[place]["composite_index"],
            "material_cost_index": cost[place]["material_index"],
            "labour_cost_index": cost[place]["labour_index"],
            "platform_type": platform[place],
        }
        yield [known[name] for name in CITY_COLUMNS]


def _platform(sources: Sequence[Fact]) -> str:
    first = sources[0]
    return "unknown" if first["status"] == "unknown" else str(first["kind"])


def _present(facts: Mapping[str, Any]) -> Fact:
    return {name: value for name, value in facts.items() if value is not None and value != ""}


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def _csv(rows: Iterable[Sequence[str]]) -> str:
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerows([CITY_COLUMNS, *rows])
    return text.getvalue()


def _yaml(rows: Sequence[Fact]) -> str:
    text: str = yaml.dump(rows, Dumper=_Lines, sort_keys=False, width=118, allow_unicode=True)
    return text


class _Lines(yaml.SafeDumper):
    """One line a field, lists of names in one line, every value written out where it stands."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the dumper's own signature
        return True

    def represent_names(self, names: list[Any]) -> yaml.Node:
        """A list in brackets, unless its items are mappings."""
        flow = not any(isinstance(name, dict) for name in names)
        return self.represent_sequence("tag:yaml.org,2002:seq", names, flow_style=flow)


_Lines.add_representer(list, _Lines.represent_names)
