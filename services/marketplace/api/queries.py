"""Queries that come from a form as well as from a program."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, model_validator


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
