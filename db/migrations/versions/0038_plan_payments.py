"""A paid period knows its payment: a bank's dispute names that and no invoice."""

from __future__ import annotations

from pathlib import Path

from shared.db.migrate import run_sql

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL file of the same name."""
    run_sql(Path(__file__).stem)
