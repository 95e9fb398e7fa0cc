"""An account that an administrator suspended is told apart from one that was closed."""

from __future__ import annotations

from pathlib import Path

from shared.db.migrate import run_sql

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL file of the same name."""
    run_sql(Path(__file__).stem)
