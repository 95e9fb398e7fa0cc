"""CSV exports of publishers: known by their columns, each with its field map and what its rows need before it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from services.scraper.domain.rows import Rejected
from services.scraper.formats import sources
from services.scraper.formats.field_map import PermitSource
from services.scraper.formats.tables import Layout, column_name
from shared.files import FileRefused

Row = Mapping[str, Any]
DRAFT = re.compile(r"\d{2}TMP-", re.IGNORECASE)

# Boroughs as the post writes them.
BOROUGHS = {"MANHATTAN": "New York"}
NYC_JOB_TYPES = {
    "A1": "Alteration, new occupancy",
    "A2": "Alteration",
    "A3": "Alteration, one work type",
    "DM": "Full demolition",
    "NB": "New building",
    "SC": "Subdivision condominium",
    "SG": "Sign",
    "SI": "Subdivision improved",
}
NYC_PERMIT_TYPES = {
    "AL": "Alteration",
    "DM": "Demolition",
    "EQ": "Equipment",
    "EW": "Equipment work",
    "FO": "Foundation",
    "NB": "New building",
    "PL": "Plumbing",
    "SG": "Sign",
}

DENVER_TITLE = "CPD-Permits Transaction Detail Report"
DENVER_GROUP = "Permit Type:"
DENVER_TOTAL = "Grand Total:"


@dataclass(frozen=True, slots=True)
class Export:
    """A publisher's export; `fields` instead of a source where the same software serves many cities."""

    layout: Layout
    source: PermitSource | None = None
    fields: dict[str, tuple[str, ...]] | None = None
    adapt: Callable[[Row], Row | Rejected] | None = None

    def source_of(self, jurisdiction: tuple[str, str] | None) -> PermitSource:
        """Who issued the rows; raises FileRefused where only the operator can say so and has not."""
        if self.source is not None:
            return self.source
        if jurisdiction is None or self.fields is None:
            raise FileRefused(
                "jurisdiction_unknown",
                f"{self.layout.key} is made by many cities; name this one with --jurisdiction",
            )
        return sources.of_city(self.layout.key, self.fields, *jurisdiction)


def is_denver_report(header: Sequence[str]) -> bool:
    """True for the first line of Denver's report, whose title holds a line break."""
    return any(cell.startswith(DENVER_TITLE) for cell in header)


def denver_rows(lines: Iterable[Sequence[str]]) -> Iterator[Row]:
    """The permits between the report's groups; raises FileRefused when they are not as many as it says."""
    names: list[str] = []
    kind, count, promised = "", 0, None
    for cells in lines:
        if not names:
            names = [column_name(cell) for cell in cells] if "Permit #" in cells else []
            continue
        row = {name: cell for name, cell in zip(names, cells, strict=False) if name}
        label = cells[1] if len(cells) > 1 else ""
        if label.startswith(DENVER_GROUP):
            kind = label.removeprefix(DENVER_GROUP).strip()
        elif label.startswith(DENVER_TOTAL):
            promised = int(next(cell for cell in cells[2:] if cell.isdigit()))
        elif row.get("PERMIT"):
            count += 1
            yield {**row, "PERMIT_TYPE": kind}
    if count != promised:
        raise FileRefused("truncated_report", f"the report promises {promised} permits and holds {count}")


def _accela_list(row: Row) -> Row | Rejected:
    """Applications that were begun and never filed carry a temporary number."""
    return Rejected("draft") if DRAFT.match(row["RECORD_NUMBER"].strip()) else row


def _spearfish(row: Row) -> Row:
    return {**row, "ISSUED": f"{row['YEAR']}-{row['MONTH']:0>2}-01"}


def _nyc_jobs(row: Row) -> Row:
    return {
        **row,
        "NUMBER": f"{row['JOB']}-{row['DOC']}",
        "POSTAL_CITY": _postal_city(row["BOROUGH"]),
        "KIND": NYC_JOB_TYPES.get(row["JOB_TYPE"], row["JOB_TYPE"]),
    }


def nyc_issuance(row: Row) -> Row:
    """A row of DOB permit issuance; one job has a permit for each document, trade and renewal."""
    parts = (row.get(name) for name in ("job__", "job_doc___", "permit_type", "permit_sequence__"))
    code = str(row.get("permit_type") or "")
    return {
        **row,
        "number": "-".join(str(part) for part in parts if part),
        "postal_city": _postal_city(str(row.get("borough") or "")),
        "kind": NYC_PERMIT_TYPES.get(code, code),
    }


def _postal_city(borough: str) -> str:
    return BOROUGHS.get(borough.strip(), borough.strip().title())


def _under_column_names(source: PermitSource) -> PermitSource:
    fields = {name: tuple(map(column_name, columns)) for name, columns in source.fields.items()}
    return replace(source, fields=fields)


EXPORTS = (
    Export(
        Layout(
            "nashville_arcgis", ("PERMIT", "PERMIT_TYPE_DESCRIPTION", "DATE_ENTERED", "ADDRESS", "PURPOSE")
        ),
        _under_column_names(sources.NASHVILLE),
    ),
    Export(
        Layout(
            "chicago_portal", ("PERMIT", "PERMIT_TYPE", "ISSUE_DATE", "STREET_NUMBER", "WORK_DESCRIPTION")
        ),
        sources.CHICAGO_PORTAL,
    ),
    Export(Layout("austin_export", ("ISSUE_DATE", "WORK_CLASS", "STATUS_CURRENT")), sources.AUSTIN_EXPORT),
    Export(
        Layout("energov_export", ("CASE_NUMBER", "MAIN_PARCEL", "FINALIZED_DATE")),
        fields=sources.ENERGOV_FIELDS,
    ),
    Export(
        Layout("accela_list", ("RECORD_NUMBER", "DATE_OPENED", "ADDRESS")),
        fields=sources.ACCELA_LIST_FIELDS,
        adapt=_accela_list,
    ),
    Export(Layout("la_reroofs", ("SITE_ADDRESS", "REROOF_PERMIT_ISSUE_DATE")), sources.LA_REROOFS),
    Export(Layout("dfw_scraped", ("PERMIT_ID", "PROPERTY_ADDRESS", "LEAD_TYPE")), sources.DFW_SUBURBS),
    Export(
        Layout("spearfish_report", ("YEAR", "MONTH", "CONSTRUCTION_TYPE", "COST_APPROXIMATE")),
        sources.SPEARFISH_REPORT,
        adapt=_spearfish,
    ),
    Export(Layout("nyc_dobjobs", ("JOB", "DOC", "HOUSE", "BOROUGH")), sources.NYC_JOBS, adapt=_nyc_jobs),
)
