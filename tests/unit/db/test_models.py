from __future__ import annotations

import inspect
import re
from enum import StrEnum

import pytest
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import DeclarativeBase

from shared.db import migrate, models
from shared.db.engine import SERVICE_ROLES
from shared.db.models import Base
from shared.db.models.base import Choice
from shared.schemas import compliance_enums, enums, outreach_enums, workflow_enums
from shared.schemas.enums import LeadStatus
from shared.settings import SERVICE_PORTS

# In order, so that every worker of a run collects the same tests.
CLASSES: list[type[DeclarativeBase]] = sorted(
    (mapper.class_ for mapper in Base.registry.mappers), key=lambda model: str(model.__name__)
)
DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("model", CLASSES, ids=lambda model: model.__name__)
def test_public_model_says_who_owns_it(model: type[DeclarativeBase]) -> None:
    words = inspect.getdoc(model) or ""
    if model.__table__.schema:
        return
    named = re.search(r"Owner: (\w+)|Written by every service", words)
    assert named, model.__name__
    assert named[1] is None or named[1] in SERVICE_PORTS


def test_every_model_is_offered_by_the_package() -> None:
    assert {model.__name__ for model in CLASSES} | {"Base"} == set(models.__all__)


def test_the_owner_in_the_docstring_is_the_one_that_may_insert() -> None:
    grants = (migrate.DATABASE_FILES / "roles.sql").read_text()
    for model in CLASSES:
        owner = re.search(r"Owner: (\w+)", inspect.getdoc(model) or "")
        if owner is None:
            continue
        table = model.__table__.name  # type: ignore[attr-defined]
        granted = [
            service
            for tables, service in re.findall(
                r"GRANT (?:SELECT, )?INSERT[^O]*ON ([\w\s,.]+?) TO svc_(\w+);", grants
            )
            if re.search(rf"(?<![\w.]){table}(?!\w)", tables)
        ]
        assert granted == [owner[1]], table


@pytest.mark.parametrize("module", [enums, outreach_enums, workflow_enums, compliance_enums])
def test_every_enumeration_is_held_by_a_column(module: object) -> None:
    held = {
        column.type.kind
        for table in Base.metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, Choice)
    }
    checks = " ".join(
        str(constraint.sqltext)  # type: ignore[attr-defined]
        for table in Base.metadata.tables.values()
        for column in table.columns
        for constraint in column.constraints
    )
    defined = {
        kind for _, kind in inspect.getmembers(module, inspect.isclass) if issubclass(kind, StrEnum)
    } - {StrEnum}
    loose = {kind.__name__ for kind in defined - held if not all(f"'{member}'" in checks for member in kind)}
    assert loose == set()


def test_a_choice_takes_its_words_and_gives_members() -> None:
    choice = Choice(LeadStatus, 50)

    assert choice.process_bind_param("sold", DIALECT) == "sold"
    assert choice.process_bind_param(LeadStatus.SOLD, DIALECT) == "sold"
    assert choice.process_result_value("sold", DIALECT) is LeadStatus.SOLD
    assert choice.process_bind_param(None, DIALECT) is None
    with pytest.raises(ValueError, match="on_sale"):
        choice.process_bind_param("on_sale", DIALECT)


def test_a_choice_without_length_is_text() -> None:
    assert Choice(LeadStatus).compile(dialect=DIALECT) == "TEXT"
    assert Choice(LeadStatus, 50).compile(dialect=DIALECT) == "VARCHAR(50)"


def test_every_service_and_the_relay_have_a_role() -> None:
    assert set(SERVICE_ROLES) == {*SERVICE_PORTS, "relay"}
    grants = (migrate.DATABASE_FILES / "roles.sql").read_text()
    assert all(f"'{service}'" in grants for service in SERVICE_ROLES)
