"""How often one person may ask (FAULTS 1.8)."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from shared.runtime import Resources
from shared.security.attempts import Claim, Limit
from shared.security.policy import Actor

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


async def count_purchase(resources: Resources, actor: Actor) -> None:
    """Count a purchase of this account; TooManyRequests with `retry_after` beyond the limit of a minute."""
    await _count(resources, actor, Limit("purchase-account", resources.settings.purchases_per_minute, MINUTE))


async def count_read(resources: Resources, actor: Actor) -> None:
    """Count a look at leads of this account; TooManyRequests with `retry_after` beyond the limit of a minute."""
    await _count(resources, actor, Limit("read-account", resources.settings.lead_reads_per_minute, MINUTE))


async def count_invitation(resources: Resources, contractor_id: UUID) -> None:
    """Count a mail that this company has us send; TooManyRequests with `retry_after` beyond the limit of an hour."""
    limit = Limit("invite-company", resources.settings.invitations_per_hour, HOUR)
    async with resources.own.rates.attempt(Claim(limit, str(contractor_id))):
        return


async def count_key(resources: Resources, key_id: UUID) -> None:
    """Count a request of an API key; TooManyRequests with `retry_after` beyond the limit of a minute."""
    limit = Limit("api-key", resources.settings.key_requests_per_minute, MINUTE)
    async with resources.own.rates.attempt(Claim(limit, str(key_id))):
        return


async def _count(resources: Resources, actor: Actor, limit: Limit) -> None:
    async with resources.own.rates.attempt(Claim(limit, actor.subject)):
        return
