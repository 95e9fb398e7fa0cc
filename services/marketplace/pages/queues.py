"""The operators' queues: how much waits, and what was given up, to be driven again or closed with a reason."""

from __future__ import annotations

import asyncio
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request, Response
from pydantic import BeforeValidator, StringConstraints

from services.marketplace.api.operations import Around, Operator, Reader
from services.marketplace.pages.rendering import go_to, render
from services.marketplace.service import operations
from shared.schemas.text import clean_text

router = APIRouter(prefix="/ops/queues", tags=["pages"], default_response_class=Response)
Count = Annotated[int | None, Query(ge=0, le=operations.LETTERS_SHOWN)]
Why = Annotated[str, BeforeValidator(clean_text), StringConstraints(min_length=3, max_length=500), Form()]


@router.get("")
async def queues(
    request: Request, actor: Reader, around: Around, *, driven: Count = None, refused: Count = None
) -> Response:
    """Every queue that holds something, and the newest dead letters."""
    report, letters = await asyncio.gather(
        around.operations.queues(), operations.open_letters(around.operations)
    )
    return render(
        request, "desk_queues.html", actor, report=report, letters=letters, driven=driven, refused=refused
    )


@router.post("/redrive")
async def redrive_shown(
    actor: Operator,  # noqa: ARG001 - asked for by its right
    around: Around,
    letter: Annotated[list[UUID], Form(min_length=1, max_length=operations.LETTERS_SHOWN)],
) -> Response:
    """Drive the letters again that the page showed, and say how many run."""
    done = await operations.redrive_all(around.operations, letter)
    return go_to(f"/ops/queues?driven={done.driven}&refused={done.refused}")


@router.post("/{letter_id}/redrive")
async def redrive(letter_id: UUID, actor: Operator, around: Around) -> Response:  # noqa: ARG001 - asked for by its right
    """Drive one letter again."""
    await around.operations.redrive(letter_id)
    return go_to("/ops/queues?driven=1&refused=0")


@router.post("/{letter_id}/dismiss")
async def dismiss(letter_id: UUID, reason: Why, actor: Operator, around: Around) -> Response:  # noqa: ARG001 - asked for by its right
    """Close one letter without another try."""
    await around.operations.dismiss(letter_id, reason)
    return go_to("/ops/queues")
