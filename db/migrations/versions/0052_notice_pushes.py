"""Notices on devices: who wants which, the browsers that take them, and the message that each notice went in."""

from __future__ import annotations

from pathlib import Path

from shared.db.migrate import run_sql

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL file of the same name."""
    run_sql(Path(__file__).stem)
