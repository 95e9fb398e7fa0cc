"""Analyses on demand: a whole house as a job, one picture at once."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from services.ml_inference.repository import AnalysisRepository
from services.ml_inference.service.evidence import models_used, picture_evidence
from services.ml_inference.service.looking import allowed_pictures, look_at
from shared.errors import Conflict, NotFound, PolicyViolation
from shared.http.idempotency import Answer, answer_once
from shared.runtime import Resources
from shared.schemas.enums import ModelType
from shared.security.policy import Actor
from shared.workflow.catalogue import ANALYZE_LEAD, PROPERTY
from shared.workflow.ordering import start_ordered
from shared.workflow.start import live_workflow

SERVICE = "ml_inference"


class AnalysisUnderWay(Conflict):
    """The lead's own workflow has not ended: its analysis comes, or waits for a reviewer."""

    code = "analysis-under-way"


class ImageNotUsable(Conflict):
    """A picture that was found unusable, is not in its standard form, or was replaced by a newer one of its view."""

    code = "image-not-usable"


class ImageNotLicensed(PolicyViolation):
    """A picture that no model may look at."""

    code = "image-not-licensed"
    title = "Image not licensed"


async def analyze_property(
    resources: Resources, actor: Actor, property_id: UUID, *, key: str | None
) -> dict[str, Any]:
    """The job that looks at a lead's pictures; the same order while it runs, or with the same key, is that job."""
    async with resources.unit_of_work() as uow:
        repository = AnalysisRepository(uow.session)
        lead_id = await repository.lead_of(property_id)
        if lead_id is None:
            raise NotFound(f"there is no lead of property {property_id}", property_id=str(property_id))
        if await live_workflow(uow.session, PROPERTY.kind, lead_id):
            raise AnalysisUnderWay("the lead's own workflow has not ended", property_id=str(property_id))

        async def act() -> Answer:
            run = await start_ordered(
                uow.session, actor, ANALYZE_LEAD.kind, service=SERVICE, subject_id=lead_id
            )
            body = {"job_id": str(run.workflow_id), "property_id": str(lead_id), "new": run.new}
            return Answer(202, body)

        if key is None:
            return (await act()).body
        answer = await answer_once(
            uow.session,
            act,
            scope=f"analyze.property:{actor.subject}",
            key=key,
            request={"property_id": str(property_id)},
        )
    return answer.body


async def analyze_image(resources: Resources, image_id: UUID, roles: Collection[ModelType]) -> dict[str, Any]:
    """What the models asked for see in one picture; what they said of it before is told again."""
    async with resources.unit_of_work() as uow:
        repository = AnalysisRepository(uow.session)
        lead_id = await repository.lead_of_picture(image_id)
        if lead_id is None:
            raise NotFound(f"there is no picture {image_id}", image_id=str(image_id))
        row = next((one for one in await repository.pictures(lead_id) if one.id == image_id), None)
        house = await repository.house(lead_id)
        allowed = [] if row is None else await allowed_pictures(uow.session, [row])
    if row is None:
        raise ImageNotUsable("this picture is not one that analyses rest on", image_id=str(image_id))
    if not allowed:
        raise ImageNotLicensed(f"pictures of {row.source} may not be analysed", source=row.source)
    (looked,), loaded = await look_at(resources, [row], house, roles=roles)
    return {
        "picture": picture_evidence(looked).model_dump(mode="json"),
        "answers": {role.value: looked.answers[role] for role in sorted(roles) if role in looked.answers},
        "models": [model.model_dump() for model in models_used(loaded) if model.role in roles],
    }
