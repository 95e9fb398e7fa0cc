"""A contractor as it crosses borders: what may be written, and what each reader gets to see.

Price, status, score, tier, credentials and licence state are decided by us and are in no write model.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from shared.schemas.enums import (
    AcquisitionStatus,
    CredentialStatus,
    LicenseStatus,
    RoofWork,
    SubscriptionTier,
)
from shared.schemas.page import PageQuery
from shared.schemas.text import Email, Line, Phone, ShortLine, StateCode, Website, ZipCode, parse_zone

MAX_RADIUS_MILES = 200
_Words = Annotated[list[ShortLine], Field(max_length=30)]


class ServiceArea(BaseModel):
    """A city and the miles around it in which a contractor works."""

    model_config = ConfigDict(extra="forbid")

    city: ShortLine
    state: StateCode
    radius_miles: Annotated[int, Field(ge=1, le=MAX_RADIUS_MILES)]


class ContractorProfile(BaseModel):
    """What a contractor says about itself; every field may be left out."""

    model_config = ConfigDict(extra="forbid")

    owner_name: Line | None = None
    email: Email | None = None
    phone: Phone | None = None
    website: Website | None = None
    address: Line | None = None
    city: ShortLine | None = None
    state: StateCode | None = None
    zip: ZipCode | None = None
    time_zone: Annotated[ShortLine, AfterValidator(parse_zone)] | None = None
    service_areas: Annotated[list[ServiceArea], Field(max_length=50)] | None = None
    license_number: ShortLine | None = None
    license_state: StateCode | None = None
    years_in_business: Annotated[int, Field(ge=0, le=200)] | None = None
    employee_count_range: Literal["1", "1-5", "5-10", "10-50", "50+"] | None = None
    services_offered: _Words | None = None
    roof_types: Annotated[list[RoofWork], Field(max_length=len(RoofWork))] | None = None
    certifications: _Words | None = None
    insurance_types: _Words | None = None


class ContractorCreate(ContractorProfile):
    """A new contractor."""

    company_name: Line


class ContractorUpdate(ContractorProfile):
    """Changes to a profile: a field left out stays, null empties it; the company keeps a name."""

    company_name: Line | None = None

    @model_validator(mode="after")
    def _keeps_its_name(self) -> ContractorUpdate:
        if "company_name" in self.model_fields_set and self.company_name is None:
            raise ValueError("company_name cannot be emptied")
        return self


ContractorSource = Literal["signup", "staff"]


class InnerContractorCreate(ContractorCreate):
    """A new contractor between services: with how it came to us."""

    source: ContractorSource


class ContractorQuery(PageQuery):
    """Which contractors are wanted."""

    city: ShortLine | None = None
    state: StateCode | None = None
    acquisition_status: AcquisitionStatus | None = None
    subscription_tier: SubscriptionTier | None = None


class ContractorSummary(BaseModel):
    """One line of a list: no person in it."""

    id: UUID
    company_name: str
    city: str | None
    state: str | None
    acquisition_status: AcquisitionStatus
    credential_status: CredentialStatus
    subscription_tier: SubscriptionTier | None
    created_at: datetime


class ContractorView(ContractorSummary):
    """A contractor as its own people see it; stored values are shown as they are, not judged again."""

    owner_name: str | None
    email: str | None
    phone: str | None
    website: str | None
    address: str | None
    zip: str | None
    time_zone: str | None
    service_areas: list[dict[str, Any]] | None
    license_number: str | None
    license_state: str | None
    license_status: LicenseStatus | None
    years_in_business: int | None
    employee_count_range: str | None
    services_offered: list[str] | None
    roof_types: list[str] | None
    certifications: list[str] | None
    insurance_types: list[str] | None
    signed_up_at: datetime | None
    updated_at: datetime


class StaffContractorView(ContractorView):
    """A contractor as staff and services see it: with what we think of it."""

    source: str | None
    fit_score: int | None
    conversion_likelihood: int | None
    ltv_estimate: Decimal | None
    priority_score: Decimal | None
    sandbox: bool
