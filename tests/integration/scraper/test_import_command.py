"""`ridgeline import`: counts on one stream, the reason of a refusal on the other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from shared.cli.main import build


def test_a_refused_file_is_explained_to_the_operator(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    page = tmp_path / "permits.csv"
    page.write_text("<!DOCTYPE html><html><body>Sign in</body></html>")

    result = CliRunner().invoke(build(), ["import", "permits", str(page)])

    assert result.exit_code == 1
    assert json.loads(result.stdout)["reasons"] == {"html_instead_of_data": 1}
    assert result.stderr.splitlines() == [
        "permits.csv: the file is an HTML or XML page where permits were expected"
    ]
