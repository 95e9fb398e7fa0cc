"""What the command line says when the world outside does not let it do its work."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import httpx
import psycopg
import pytest
from pydantic import BaseModel, ValidationError
from sqlalchemy.exc import ArgumentError, OperationalError

from shared.cli.refusals import refusal
from shared.errors import InvalidInput, NotFound, Unavailable
from shared.security.tokens import KeyRefused, decode_key

ROOT = Path(__file__).resolve().parents[3]
NOBODY = "postgresql+psycopg://u:secret@127.0.0.1:1/x"


class Form(BaseModel):
    limit: int


def invalid() -> ValidationError:
    with pytest.raises(ValidationError) as caught:
        Form.model_validate({"limit": "many"})
    return caught.value


def key_refused() -> KeyRefused:
    with pytest.raises(KeyRefused) as caught:
        decode_key("abc", setting="FIELD_KEYS")
    return caught.value


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (NotFound("no city Nowhere, TX is known"), "no city Nowhere, TX is known"),
        (
            InvalidInput("Not valid.", errors=[{"field": "query.limit", "message": "at most 500"}]),
            "Not valid. query.limit: at most 500",
        ),
        (IsADirectoryError(21, "Is a directory", "/tmp"), "[Errno 21] Is a directory: '/tmp'"),
        (
            Unavailable("Service scraper cannot be reached."),
            "Service scraper cannot be reached. Is the fleet up? (`ridgeline up`)",
        ),
        (key_refused(), "FIELD_KEYS must hold 32 bytes in base64url"),
        (ArgumentError("Could not parse"), "the database: Could not parse"),
        (
            OperationalError("SELECT :x", {"x": "a person"}, psycopg.OperationalError("refused\nhint")),
            "the database: refused",
        ),
        (httpx.UnsupportedProtocol("no http:// in it"), "a service: no http:// in it"),
    ],
)
def test_what_comes_from_outside_is_one_line(error: Exception, words: str) -> None:
    assert refusal(error) == words


def test_an_invalid_value_is_named_with_its_place() -> None:
    words = refusal(invalid())
    assert words is not None
    assert words.startswith("limit: ")


@pytest.mark.parametrize("error", [RuntimeError("ours"), ValueError("ours"), KeyError("ours")])
def test_a_defect_of_our_own_keeps_its_trace(error: Exception) -> None:
    assert refusal(error) is None


@pytest.mark.parametrize(
    ("settings", "words", "named"),
    [
        ({"RIDGELINE_PORT_BASE": "abc"}, ["status"], "RIDGELINE_PORT_BASE"),
        ({"DATABASE_URL": NOBODY}, ["leads"], "the database"),
        ({"DATABASE_URL": NOBODY}, ["migrate"], "the database"),
        ({"DATABASE_URL": "nonsense"}, ["leads"], "the database"),
        ({"SERVICE_SIGNING_KEY": "abc"}, ["progress", "Harrow, TX"], "SERVICE_SIGNING_KEY"),
        ({"ORCHESTRATOR_BASE_URL": "nonsense"}, ["progress", "Harrow, TX"], "http"),
        ({}, ["restore", "/"], "directory"),
    ],
)
def test_a_command_that_cannot_be_done_ends_without_a_trace(
    settings: dict[str, str], words: list[str], named: str
) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "shared.cli.main", *words],
        check=False,
        cwd=ROOT,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 1, ended.stderr
    assert ended.stderr.startswith("ridgeline: ")
    assert named in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "secret" not in ended.stderr
