"""What the demo's buyer takes home: the sheet as the marketplace printed it, or an error that says what came."""

from __future__ import annotations

import httpx
import pytest

from shared.cli.demo_sale import Marketplace
from shared.errors import UpstreamFailed

PATH = "/api/leads/my-leads/7/sheet.pdf"


async def sheet(answer: httpx.Response) -> bytes:
    """What the demo makes of an answer."""
    transport = httpx.MockTransport(
        lambda request: answer if request.url.path == PATH else httpx.Response(404)
    )
    async with httpx.AsyncClient(transport=transport, base_url="http://door.example") as http:
        return await Marketplace(http).pdf(PATH)


async def test_the_sheet_is_taken_as_it_came() -> None:
    assert await sheet(httpx.Response(200, content=b"%PDF-1.4 page")) == b"%PDF-1.4 page"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (httpx.Response(200, content=b"<html>"), "is no PDF"),
        (httpx.Response(403, json={"detail": "cannot be shown"}), "was refused: cannot be shown"),
    ],
)
async def test_anything_else_is_an_error_in_words(answer: httpx.Response, words: str) -> None:
    with pytest.raises(UpstreamFailed, match=words):
        await sheet(answer)
