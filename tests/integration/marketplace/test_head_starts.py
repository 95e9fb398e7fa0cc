"""How long a buyer waits for a new lead: the statement that serves the list, a preview and a purchase."""

from __future__ import annotations

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from services.marketplace.repository.terms import TermsRepository
from shared.schemas.enums import SubscriptionTier
from tests.factories.leads import make_buyer

STARTER, PRO, ENTERPRISE = SubscriptionTier


@pytest.mark.parametrize(
    ("tier", "others", "minutes"),
    [
        (STARTER, [], 0),
        (None, [STARTER], 0),
        (None, [PRO], 15),
        (STARTER, [PRO], 15),
        (STARTER, [PRO, ENTERPRISE], 30),
        (PRO, [STARTER, PRO], 0),
        (PRO, [ENTERPRISE], 15),
        (ENTERPRISE, [ENTERPRISE, PRO], 0),
    ],
)
async def test_nobody_waits_longer_than_the_best_other_tier_is_ahead(
    db: AsyncSession, tier: SubscriptionTier | None, others: list[SubscriptionTier], minutes: int
) -> None:
    buyer, _ = await make_buyer(db, subscription_tier=tier)
    for other in others:
        await make_buyer(db, subscription_tier=other)
    await make_buyer(db, subscription_tier=ENTERPRISE, credential_status="lapsed")
    await make_buyer(db, subscription_tier=ENTERPRISE, sandbox=True)

    assert (await TermsRepository(db).terms(buyer)).wait_minutes == minutes
