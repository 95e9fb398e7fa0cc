"""Queries that come from a form as well as from a program."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field, model_validator


class FormQuery(BaseModel):
    """A wish of several fields; an empty field of a form is no wish."""

    @model_validator(mode="before")
    @classmethod
    def _drop_empty(cls, values: Any) -> Any:
        return (
            {name: value for name, value in values.items() if value != ""}
            if isinstance(values, dict)
            else values
        )


class WorkQuery(FormQuery):
    """Which page of an operators' list, and whether it shows what is done as well."""

    all_of_them: bool = False
    cursor: Annotated[str | None, Field(max_length=200)] = None
