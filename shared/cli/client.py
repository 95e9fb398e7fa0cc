"""Calls from the command line to the services, with a service token that names the person at the keyboard."""

from __future__ import annotations

import getpass
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from shared.http.clients.base import OnBehalfOf, ServiceClient
from shared.http.tls import known_authorities
from shared.security.policy import Actor, Role
from shared.security.tokens import TokenIssuer
from shared.settings import Settings

NAME = "cli"


@asynccontextmanager
async def service(name: str) -> AsyncIterator[ServiceClient]:
    """A client of one service; its failures are our errors, a fleet that is down is Unavailable."""
    settings = Settings()
    async with httpx.AsyncClient(verify=known_authorities(), trust_env=False) as http:
        yield ServiceClient(name, settings.service_url(name), issuer(settings), http)


def issuer(settings: Settings) -> OnBehalfOf:
    """Tokens of the command line for the person at the keyboard."""
    person = Actor(role=Role.OPS, subject=f"operator:{_user()}")
    return OnBehalfOf(TokenIssuer.from_settings(NAME, settings), person)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
