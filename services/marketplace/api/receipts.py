"""Receipts and credit notes of a buyer's company."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from services.marketplace.domain.receipts import ReceiptView
from services.marketplace.service import rates, receipts
from shared.http.auth import require
from shared.runtime import ResourcesDep
from shared.schemas.page import Page, PageQuery
from shared.security.policy import Action, Actor

router = APIRouter(prefix="/api/receipts", tags=["receipts"])
Buyer = Annotated[Actor, require(Action.SALE_REPORT)]


@router.get("")
async def own_receipts(
    query: Annotated[PageQuery, Query()], resources: ResourcesDep, actor: Buyer
) -> Page[ReceiptView]:
    """The documents of the buyer's company, newest first; each as a PDF at `/api/receipts/{id}.pdf`."""
    await rates.count_read(resources, actor)
    return await receipts.own_receipts(resources, actor, cursor=query.cursor, limit=query.limit)
