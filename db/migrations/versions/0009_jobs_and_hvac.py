"""The scraper's jobs as a view over the core; HVAC properties and their leads."""

from __future__ import annotations

from pathlib import Path

from shared.db.migrate import run_sql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL file of the same name."""
    run_sql(Path(__file__).stem)
