"""Outreach: the process and its platform routes; sequences and campaigns are not built yet."""

from __future__ import annotations

from shared.runtime import Service

service = Service(name="outreach", summary="Sequences, e-mail, SMS and mail: nothing is built here yet.")
