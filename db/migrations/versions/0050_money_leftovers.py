"""Money of plans that goes back before, while or after their leads are bought, and alarms of seeds that end."""

from __future__ import annotations

from pathlib import Path

from shared.db.migrate import run_sql

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL file of the same name."""
    run_sql(Path(__file__).stem)
