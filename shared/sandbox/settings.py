"""Settings of the sandbox process."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.settings import SANDBOX_PORT_OFFSET, SERVICE_PORTS


class SandboxSettings(BaseSettings):
    """Seed, size and day of the town, and where its webhooks go."""

    model_config = SettingsConfigDict(
        env_prefix="RIDGELINE_SANDBOX_", env_ignore_empty=True, extra="ignore", populate_by_name=True
    )

    environment: Literal["development", "test", "production"] = Field(
        "development", alias="RIDGELINE_ENVIRONMENT"
    )
    port_base: int = Field(8000, alias="RIDGELINE_PORT_BASE")
    port: int | None = None
    host: str = "127.0.0.1"
    seed: int = 7
    parcels: int = Field(600, ge=200, le=200_000)
    today: date = Field(default_factory=lambda: datetime.now(UTC).date())
    """Day the town lives on: the real day (UTC) of the start when not set, and no other until the next start."""
    stripe_webhook_url: str = ""
    """Where payment events go; the marketplace of this port base when empty, nowhere when "off"."""
    stripe_webhook_events: str = "*"
    """Names of the payment events that are sent, with commas between, like an endpoint's `enabled_events`; "*" is all."""
    stripe_webhook_secret: SecretStr = Field(SecretStr("whsec_sandbox_harrow"), alias="STRIPE_WEBHOOK_SECRET")
    twilio_webhook_url: str = ""
    """Where texts from phones go; the marketplace of this port base when empty, nowhere when "off", callbacks neither."""
    twilio_auth_token: SecretStr = Field(SecretStr(""), alias="TWILIO_AUTH_TOKEN")
    sendgrid_webhook_url: str = "off"
    """Where mail events go; nobody receives them until a service offers an endpoint."""
    metrics_token: SecretStr = Field(SecretStr(""), alias="METRICS_TOKEN")
    webhook_delay_seconds: float = 0.05
    webhook_retry_seconds: float = 1.0
    webhook_tries: int = 20
    state_dir: Path | None = None
    """Folder where money and mail outlive a killed process; memory only when not set."""

    @property
    def listen_port(self) -> int:
        """Port to listen on."""
        return self.port or self.port_base + SANDBOX_PORT_OFFSET

    @property
    def own_url(self) -> str:
        """Where a person's browser finds this process."""
        return f"http://{self.host}:{self.listen_port}"

    @property
    def journal_path(self) -> Path | None:
        """File of this process's memory, one a port."""
        return self.state_dir / f"sandbox-{self.listen_port}.jsonl" if self.state_dir else None

    @property
    def as_of(self) -> date:
        """The town's day."""
        return self.today

    @property
    def stripe_webhooks_to(self) -> str:
        """URL of the payment webhook receiver, empty for none."""
        if self.stripe_webhook_url == "off":
            return ""
        marketplace = self.port_base + SERVICE_PORTS["marketplace"]
        return self.stripe_webhook_url or f"http://127.0.0.1:{marketplace}/webhooks/stripe"

    @property
    def twilio_webhooks_to(self) -> str:
        """URL of the receiver of texts, empty for none."""
        if self.twilio_webhook_url == "off":
            return ""
        marketplace = self.port_base + SERVICE_PORTS["marketplace"]
        return self.twilio_webhook_url or f"http://127.0.0.1:{marketplace}/webhooks/twilio"

    def sends_stripe(self, kind: str) -> bool:
        """Whether events of this name are sent."""
        wanted = {name.strip() for name in self.stripe_webhook_events.split(",")}
        return "*" in wanted or kind in wanted

    @property
    def sendgrid_webhooks_to(self) -> str:
        """URL of the mail event receiver, empty for none."""
        return "" if self.sendgrid_webhook_url == "off" else self.sendgrid_webhook_url

    @model_validator(mode="after")
    def _refuse_production(self) -> SandboxSettings:
        """An invented town must never answer in place of the world."""
        if self.environment == "production":
            raise ValueError("the sandbox does not start in production")
        return self
