"""Opinions of reviewers, comparisons with the truth, drift of the models' input and output."""

from __future__ import annotations

from pathlib import Path

from shared.db.migrate import run_sql

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL file of the same name."""
    run_sql(Path(__file__).stem)
