"""Forms, journals, faults, storms' days and mail rules, each by itself."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from shared.errors import InvalidInput, NotFound
from shared.sandbox.datasets import filed_address
from shared.sandbox.forms import FormError, parse_form
from shared.sandbox.journal import Journal
from shared.sandbox.misbehaviour import ALTERATIONS, FaultKind, FaultOrder, Misbehaviour
from shared.sandbox.replay import Replays
from shared.sandbox.settings import SandboxSettings
from shared.sandbox.town import StreetAddress
from shared.sandbox.vendors.sendgrid_rules import problems_of
from shared.sandbox.vendors.spc import convective_day

ADDRESS = StreetAddress("103", "E", "OAK", "ST", "", "APT", "2B", "HARROW", "TX", "76999")


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"a=1&b=", {"a": "1", "b": ""}),
        (b"metadata[lead_id]=7&metadata[x]=y+z", {"metadata": {"lead_id": "7", "x": "y z"}}),
        (b"expand[]=a&expand[]=b", {"expand": ["a", "b"]}),
        (b"items[0][price]=p&items[1][price]=q", {"items": [{"price": "p"}, {"price": "q"}]}),
    ],
)
def test_bracketed_forms_are_read(body: bytes, value: dict[str, Any]) -> None:
    assert parse_form(body) == value


@pytest.mark.parametrize("body", [b"[x]=1", b"a[b=1", b"a=1&a[b]=2"])
def test_broken_forms_are_refused(body: bytes) -> None:
    with pytest.raises(FormError):
        parse_form(body)


def test_journal_remembers_and_skips_a_line_cut_short(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "deep" / "j.jsonl")
    journal.append("a", "1", {"x": 1})
    with (tmp_path / "deep" / "j.jsonl").open("a") as file:
        file.write('["a","2",{"cut')
    assert list(journal.entries()) == [("a", "1", {"x": 1})]
    journal.clear()
    assert list(journal.entries()) == []


def test_journal_without_a_path_remembers_nothing() -> None:
    journal = Journal(None)
    journal.append("a", "1", None)
    assert list(journal.entries()) == []


def test_orders_are_taken_in_turn_and_counted_down() -> None:
    wrong = Misbehaviour()
    wrong.order("stripe", FaultOrder(fault=FaultKind.SERVER_ERROR, count=2, match="/v1/pay"))
    wrong.order("stripe", FaultOrder(fault=FaultKind.FORGED))
    assert wrong.take("stripe", "/v1/refunds") is None
    taken = [wrong.take("stripe", "/v1/payment_intents") for _ in range(3)]
    assert [order.fault if order else None for order in taken] == ["500", "500", None]
    forged = wrong.take("stripe", "", webhook=True)
    assert forged is not None
    assert forged.fault == "forged"


def test_busiest_second_is_remembered() -> None:
    record = Misbehaviour().of("hunter")
    for now in (0.0, 0.1, 0.2, 5.0, 5.9, 6.0):
        record.count("GET", "/x", now)
    assert record.max_per_second == 3


def test_rows_can_lose_a_column_name_or_vanish() -> None:
    rename, empty = ALTERATIONS[FaultKind.RENAME_COLUMN], ALTERATIONS[FaultKind.EMPTY]
    rows = json.dumps({"features": [{"attributes": {"A": 1}}], "exceededTransferLimit": True}).encode()
    assert json.loads(rename(rows, "A")) == {
        "features": [{"attributes": {"A_v2": 1}}],
        "exceededTransferLimit": True,
    }
    assert json.loads(empty(rows, "")) == {"features": []}
    packed = gzip.compress(b"A,B\n1,2\n")
    assert gzip.decompress(rename(packed, "A")) == b"A_v2,B\n1,2\n"
    assert gzip.decompress(empty(packed, "")) == b"A,B\n"


@pytest.mark.parametrize(("hour", "minute", "day"), [(12, 0, 10), (23, 59, 10), (0, 0, 9), (11, 59, 9)])
def test_convective_days_start_at_noon_utc(hour: int, minute: int, day: int) -> None:
    assert convective_day(datetime(2026, 6, 10, hour, minute, tzinfo=UTC)) == date(2026, 6, day)


@pytest.mark.parametrize(
    ("style", "line"),
    [
        ("plain", "103 E OAK ST APT 2B"),
        ("long", "103 EAST OAK STREET APT 2B"),
        ("title", "103 E Oak St Apt 2B"),
        ("spaced", "103  E OAK ST APT 2B "),
        ("no_direction", "103 OAK ST APT 2B"),
        ("blank", ""),
    ],
)
def test_clerks_type_addresses_in_their_own_ways(style: str, line: str) -> None:
    assert filed_address(ADDRESS, style) == line


def mail(**changes: Any) -> dict[str, Any]:
    body: dict[str, Any] = {
        "personalizations": [{"to": [{"email": "a@b.example"}]}],
        "from": {"email": "c@d.example"},
        "subject": "s",
        "content": [{"type": "text/plain", "value": "x"}, {"type": "text/html", "value": "y"}],
    }
    return {**body, **changes}


def test_a_whole_mail_is_right() -> None:
    assert problems_of(mail()) == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"colour": "red"}, "colour"),
        ({"from": {"email": "nobody"}}, "from.email"),
        ({"personalizations": []}, "personalizations"),
        ({"personalizations": [{"to": []}]}, "personalizations.0.to"),
        (
            {"personalizations": [{"to": [{"email": "a@b.example"}], "cc": [{"email": "A@b.example"}]}]},
            "personalizations.0.cc",
        ),
        ({"subject": ""}, "subject"),
        ({"content": []}, "content"),
        ({"content": [{"type": "text/html", "value": "y"}, {"type": "text/plain", "value": "x"}]}, "content"),
        ({"custom_args": {"n": 1}}, "custom_args"),
        ({"categories": [str(n) for n in range(11)]}, "categories"),
        ({"send_at": 9_999_999_999}, "send_at"),
    ],
)
def test_wrong_mail_is_refused_naming_the_field(changes: dict[str, Any], field: str) -> None:
    assert field in [named for _, named in problems_of(mail(**changes))]


def test_the_sandbox_does_not_start_in_production(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RIDGELINE_ENVIRONMENT", "production")
    with pytest.raises(ValidationError, match="production"):
        SandboxSettings()


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RIDGELINE_SANDBOX_TODAY", "2026-05-01")
    monkeypatch.setenv("RIDGELINE_PORT_BASE", "17100")
    monkeypatch.setenv("RIDGELINE_SANDBOX_PORT", "")
    monkeypatch.delenv("RIDGELINE_SANDBOX_STRIPE_WEBHOOK_URL", raising=False)
    settings = SandboxSettings()
    assert (settings.as_of, settings.listen_port) == (date(2026, 5, 1), 17111)
    assert settings.stripe_webhooks_to == "http://127.0.0.1:17100/webhooks/stripe"


def test_replays_want_their_columns_and_their_files(tmp_path: Path) -> None:
    replays = Replays()
    with pytest.raises(NotFound):
        replays.add("Layer", tmp_path / "none.csv")
    (tmp_path / "rows.csv").write_text("A,B\n1,2\n")
    with pytest.raises(InvalidInput):
        replays.add("Layer", tmp_path)
