"""Notices by text: proven numbers, the text that each notice went into, and what came in by text."""

from __future__ import annotations

from pathlib import Path

from shared.db.migrate import run_sql

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL file of the same name."""
    run_sql(Path(__file__).stem)
