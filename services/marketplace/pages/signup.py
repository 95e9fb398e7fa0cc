"""The sign-up form: what a person types, and what is wrong with it in words."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import BaseModel, Field, ValidationError

from services.marketplace.api.auth import RegisterForm
from services.marketplace.service.auth import Registration
from shared.schemas.plan_enums import PlanCode

Typed = Annotated[str, Field(max_length=320)]
WRONG: Final = {
    "email": "Type an e-mail address, as in pat@roofs.com.",
    "company_name": "Type the name of your company, 200 characters at most.",
    "full_name": "Type your name.",
    "city": "Type the name of a city.",
    "state": "Type the two letters of a state, as in TX.",
    "radius_miles": "Type a whole number of miles from 1 to 200.",
    "password": "Type a password.",
    "license_number": "Type the number as it stands on your licence.",
}


class SignUp(BaseModel):
    """The form as it was typed; without a password it is no form of ours."""

    company_name: Typed = ""
    full_name: Typed = ""
    email: Typed = ""
    password: Typed
    city: Typed = ""
    state: Typed = ""
    radius_miles: Typed = ""
    license_number: Typed = ""
    plan: Typed = ""

    def first_page(self) -> str:
        """Where a new account begins: at the payment of the plan that was chosen, else at the leads."""
        return f"/my/billing?plan={self.plan}" if self.plan in set(PlanCode) else "/leads"

    def registration(self) -> Registration:
        """What the sign-up verb takes; ValidationError where an answer does not fit."""
        area = {"city": self.city, "state": self.state, "radius_miles": self.radius_miles}
        company = {
            "company_name": self.company_name,
            "owner_name": self.full_name,
            "city": self.city,
            "state": self.state,
            "service_areas": [area],
        }
        if self.license_number.strip():
            company |= {"license_number": self.license_number, "license_state": self.state}
        form = RegisterForm.model_validate(
            {"email": self.email, "password": self.password, "full_name": self.full_name, "company": company}
        )
        return Registration(form.email, form.password.get_secret_value(), form.full_name, form.company)


def faults_of(error: ValidationError) -> dict[str, str]:
    """What to type instead, by field."""
    named = [str(part) for item in error.errors() for part in item["loc"]]
    aliases = {"owner_name": "full_name", "license_state": "state"}
    fields = [aliases.get(part, part) for part in named]
    return {field: WRONG[field] for field in fields if field in WRONG}
