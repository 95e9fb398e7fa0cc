"""California's deletion list: downloads, what stands on it, what became of each request."""

from __future__ import annotations

from pathlib import Path

from shared.db.migrate import run_sql

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL file of the same name."""
    run_sql(Path(__file__).stem)
