"""Addresses that a browser loads from the vendor itself: booked as calls, signed as the vendor asks."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from decimal import Decimal
from urllib.parse import urlsplit

from shared.errors import InvalidInput
from shared.providers.base import ProviderClient, ProviderRequest


async def lent_url(client: ProviderClient, endpoint: str, address: str, *, cost: Decimal) -> str:
    """The whole address of a picture, without key; the one request that it stands for is booked at its price."""
    await client.lend(ProviderRequest(endpoint=endpoint, cost=cost))
    return f"{client.settings.base_url.rstrip('/')}{address}"


def google_signed(url: str, secret: str) -> str:
    """The address with Google's signature over path and query exactly as they are sent; as it is without a secret."""
    if not secret:
        return url
    parts = urlsplit(url)
    try:
        key = base64.urlsafe_b64decode(secret)
    except binascii.Error as error:
        raise InvalidInput("GOOGLE_URL_SIGNING_SECRET is not base64") from error
    mac = hmac.new(key, f"{parts.path}?{parts.query}".encode(), hashlib.sha1).digest()
    return f"{url}&signature={base64.urlsafe_b64encode(mac).decode()}"
