"""Settings of the marketplace."""

from __future__ import annotations

from pydantic import Field, SecretStr, model_validator

from shared.settings import Settings


class MarketplaceSettings(Settings):
    """Reservation time, webhook secrets and the state of the sending domain."""

    reservation_minutes: int = Field(15, alias="MARKETPLACE_RESERVATION_MINUTES", ge=1, le=120)
    stripe_webhook_secret: SecretStr = Field(SecretStr(""), alias="STRIPE_WEBHOOK_SECRET")
    sender_authenticated: bool | None = Field(None, alias="MARKETPLACE_SENDER_AUTHENTICATED")
    public_url: str = Field("", alias="PUBLIC_BASE_URL")

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        """Secrets that Stripe may sign with, newest first; several while one is rotated."""
        return tuple(part for part in self.stripe_webhook_secret.get_secret_value().split(",") if part)

    @property
    def sender_healthy(self) -> bool | None:
        """Whether SPF, DKIM and DMARC hold; unknown (so no mail) unless set, always in the sandbox."""
        return True if self.sandbox_url else self.sender_authenticated

    @model_validator(mode="after")
    def _refuse_missing_secret(self) -> MarketplaceSettings:
        """Production takes no webhook it cannot verify."""
        if self.production and not self.webhook_secrets:
            raise ValueError("production needs STRIPE_WEBHOOK_SECRET")
        return self
