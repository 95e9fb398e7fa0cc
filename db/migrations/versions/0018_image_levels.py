"""How much ground a picture from above shows, and the licences of pictures that are only shown."""

from __future__ import annotations

from pathlib import Path

from shared.db.migrate import run_sql

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL file of the same name."""
    run_sql(Path(__file__).stem)
