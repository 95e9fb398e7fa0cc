"""How an orthophoto service is called; an address that is data, not a vendor's own, is tested at every call."""

from __future__ import annotations

from shared.providers.base import ClientSettings
from shared.providers.imagery import OrthoService
from shared.providers.settings import SANDBOX_PACE, VENDORS, ProviderSettings


def service_client(
    vendor: str, service: OrthoService, settings: ProviderSettings, root: str
) -> ClientSettings:
    """Pace and guard of one service, whose address is `root`."""
    facts, own = VENDORS[vendor], settings.base_url(vendor)
    configured = bool(own) and root.startswith(f"{own}/")
    local = bool(settings.sandbox_url) and root.startswith(f"{settings.sandbox_url.rstrip('/')}/")
    rate = service.requests_per_second or (SANDBOX_PACE if local else facts.requests_per_second)
    return ClientSettings(
        base_url=root,
        account=root.partition("://")[2].partition("/")[0],
        requests_per_second=rate,
        burst=max(facts.burst, rate),
        timeout_seconds=facts.timeout_seconds,
        guarded=not configured,
    )
