"""Counties whose permits are pulled for other trades, and what such a permit has beyond its row."""

from __future__ import annotations

from pathlib import Path

from shared.db.migrate import run_sql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL file of the same name."""
    run_sql(Path(__file__).stem)
