"""Settings of log-in and sessions."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class AuthSettings(BaseSettings):
    """Limits on attempts (FAULTS 1.8) and the shape of cookies."""

    model_config = SettingsConfigDict(extra="ignore", populate_by_name=True)

    login_account_attempts: int = Field(5, alias="MARKETPLACE_LOGIN_ACCOUNT_ATTEMPTS", ge=1)
    login_address_attempts: int = Field(50, alias="MARKETPLACE_LOGIN_ADDRESS_ATTEMPTS", ge=1)
    register_address_attempts: int = Field(20, alias="MARKETPLACE_REGISTER_ADDRESS_ATTEMPTS", ge=1)
    attempt_window_minutes: int = Field(15, alias="MARKETPLACE_ATTEMPT_WINDOW_MINUTES", ge=1)
    cookie_secure: bool = Field(default=True, alias="MARKETPLACE_COOKIE_SECURE")
