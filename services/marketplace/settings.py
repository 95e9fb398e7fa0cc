"""Settings of the marketplace."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr, model_validator

from shared.security.web_push import Vapid
from shared.settings import Settings


class MarketplaceSettings(Settings):
    """Reservation time, webhook secrets, the sending domain, limits (FAULTS 1.8) and cookies.

    `open_sales` is how many leads one contractor may keep off the market while they are being paid.
    `staff_totp` says whether people of ours need a code at log-in: until one has set it up, nothing else opens.
    `seed_mail_domain` is a domain whose mail only we read; without it no seed is planted.
    `vapid_private_key` is the key by which push services know us; without it nobody is offered notices on a device.
    `campaign_approved` says that the carriers' 10DLC registry approved brand and campaign; nobody is texted before.
    `basemap_style_url` is a MapLibre style under the leads' map; its tiles, letters and pictures come from the same origin.
    """

    reservation_minutes: int = Field(15, alias="MARKETPLACE_RESERVATION_MINUTES", ge=1, le=120)
    stripe_webhook_secret: SecretStr = Field(SecretStr(""), alias="STRIPE_WEBHOOK_SECRET")
    sender_authenticated: bool | None = Field(None, alias="MARKETPLACE_SENDER_AUTHENTICATED")
    twilio_auth_token: SecretStr = Field(SecretStr(""), alias="TWILIO_AUTH_TOKEN")
    campaign_approved: bool | None = Field(None, alias="MARKETPLACE_TEXT_CAMPAIGN_APPROVED")
    public_url: str = Field("", alias="PUBLIC_BASE_URL")
    login_account_attempts: int = Field(5, alias="MARKETPLACE_LOGIN_ACCOUNT_ATTEMPTS", ge=1)
    login_address_attempts: int = Field(50, alias="MARKETPLACE_LOGIN_ADDRESS_ATTEMPTS", ge=1)
    register_address_attempts: int = Field(20, alias="MARKETPLACE_REGISTER_ADDRESS_ATTEMPTS", ge=1)
    attempt_window_minutes: int = Field(15, alias="MARKETPLACE_ATTEMPT_WINDOW_MINUTES", ge=1)
    open_sales: int = Field(5, alias="MARKETPLACE_OPEN_SALES", ge=1)
    purchases_per_minute: int = Field(120, alias="MARKETPLACE_PURCHASES_PER_MINUTE", ge=1)
    lead_reads_per_minute: int = Field(600, alias="MARKETPLACE_LEAD_READS_PER_MINUTE", ge=1)
    uploads_per_minute: int = Field(60, alias="MARKETPLACE_UPLOADS_PER_MINUTE", ge=1)
    invitations_per_hour: int = Field(20, alias="MARKETPLACE_INVITATIONS_PER_HOUR", ge=1)
    key_requests_per_minute: int = Field(600, alias="MARKETPLACE_KEY_REQUESTS_PER_MINUTE", ge=1)
    max_csv_size_mb: int = Field(10, alias="MAX_CSV_SIZE_MB", ge=1, le=10)
    evidence_megabytes: int = Field(8, alias="MARKETPLACE_EVIDENCE_MEGABYTES", ge=1, le=9)
    staff_totp: Literal["off", "required"] = Field("off", alias="MARKETPLACE_STAFF_TOTP")
    cookie_secure: bool = Field(default=True, alias="MARKETPLACE_COOKIE_SECURE")
    seed_mail_domain: str = Field("", alias="SEED_MAIL_DOMAIN", pattern=r"^([a-z0-9-]+(\.[a-z0-9-]+)+)?$")
    vapid_private_key: SecretStr = Field(SecretStr(""), alias="MARKETPLACE_VAPID_PRIVATE_KEY")
    basemap_style_url: str = Field("", alias="BASEMAP_STYLE_URL", pattern=r"^(https?://[^\s;,'\"]+)?$")

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        """Secrets that Stripe may sign with, newest first; several while one is rotated."""
        return tuple(part for part in self.stripe_webhook_secret.get_secret_value().split(",") if part)

    @property
    def vapid(self) -> Vapid | None:
        """The key for web push; None where notices on devices are not set up, KeyRefused where it is no key."""
        return Vapid.load(self.vapid_private_key.get_secret_value(), setting="MARKETPLACE_VAPID_PRIVATE_KEY")

    @property
    def text_tokens(self) -> tuple[str, ...]:
        """Tokens that Twilio may sign with, newest first; beside the sandbox, without one, the sandbox's."""
        own = tuple(part for part in self.twilio_auth_token.get_secret_value().split(",") if part)
        return own or (("sandbox",) if self.sandbox_url else ())

    @property
    def texting_campaign(self) -> bool | None:
        """Whether the carriers approved our campaign; unknown (so no text) unless set, always in the sandbox."""
        return True if self.sandbox_url else self.campaign_approved

    @property
    def own_url(self) -> str:
        """Our own address, as it stands in texts and as vendors call it."""
        return (self.public_url or self.service_url("marketplace")).rstrip("/")

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
