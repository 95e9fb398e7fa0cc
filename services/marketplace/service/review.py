"""Reviewing for people: the queue lives in ml_inference; this door knows who is logged in."""

from __future__ import annotations

from services.marketplace.service.sessions import signed_in
from shared.errors import TooManyRequests, Unavailable, UpstreamFailed
from shared.http.clients.base import ServiceClient, TheirOwn
from shared.http.clients.reviews import SERVICE as REVIEWS
from shared.http.clients.reviews import ReviewsClient
from shared.runtime import Resources
from shared.schemas.review import ReviewStats
from shared.security.policy import Actor


async def queue_for(resources: Resources, actor: Actor, token: str) -> ReviewsClient:
    """The review queue, asked with the reviewer's own token: a service may not review for anybody."""
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
    url = resources.settings.service_url(REVIEWS)
    return ReviewsClient(ServiceClient(REVIEWS, url, TheirOwn(token), resources.http))


async def stats_if_known(queue: ReviewsClient) -> ReviewStats | None:
    """The figures above the console; reviewing goes on without them."""
    try:
        return await queue.stats()
    except (Unavailable, UpstreamFailed, TooManyRequests):
        return None
