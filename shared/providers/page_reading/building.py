"""The reader of a process from its settings."""

from __future__ import annotations

from shared.http.client import GuardedFetcher
from shared.http.ssrf import AddressGuard
from shared.providers import language_model
from shared.providers.page_reading import CHAIN, Method, PageReader, Pins
from shared.providers.page_reading.browser import BrowserFetcher
from shared.providers.page_reading.chromium import Browser, BrowserLimits
from shared.providers.page_reading.model import ModelReader
from shared.providers.page_reading.plain import PlainFetcher
from shared.providers.ports import UsageLog
from shared.providers.settings import ProviderSettings


def build_page_reader(
    settings: ProviderSettings, guard: AddressGuard, fetcher: GuardedFetcher, pins: Pins, usage: UsageLog
) -> PageReader:
    """Every method, with a model where one is configured."""
    limits = BrowserLimits(
        settings.browser_seconds, settings.browser_patience_seconds, settings.browser_memory_mb * 1_000_000
    )
    browser = Browser(
        guard,
        user_agent=settings.user_agent,
        program=settings.chromium_path,
        limits=limits,
        sandboxed=settings.chromium_namespaces,
        slots=settings.browser_slots,
    )
    browsers = (BrowserFetcher(method, fetcher, browser) for method in CHAIN if method is not Method.HTTP)
    models = language_model.build(settings, usage)
    return PageReader((PlainFetcher(fetcher), *browsers), pins, ModelReader(models) if models else None)
