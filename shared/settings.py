"""Settings from environment variables, read in one place."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

SERVICE_PORTS: dict[str, int] = {
    "marketplace": 0,
    "scraper": 1,
    "image_processor": 2,
    "ml_inference": 3,
    "enricher": 4,
    "contractor_acquisition": 5,
    "ai_calling": 6,
    "outreach": 7,
    "lead_generator": 8,
    "orchestrator": 9,
}
RELAY_PORT_OFFSET = 10
SANDBOX_PORT_OFFSET = 11

SECRET_READERS: dict[str, tuple[str, ...]] = {
    "USER_SIGNING_KEY": ("marketplace",),
    "STRIPE_SECRET_KEY": ("marketplace",),
    "STRIPE_WEBHOOK_SECRET": ("marketplace", "sandbox"),
    "MARKETPLACE_VAPID_PRIVATE_KEY": ("marketplace",),
    "SENDGRID_API_KEY": ("marketplace",),
    "GHL_API_KEY": ("marketplace",),
    "SUMMIT_API_KEY": ("marketplace",),
    "DROP_API_KEY": ("marketplace",),
    "HUNTER_API_KEY": ("enricher",),
    "SNOV_CLIENT_SECRET": ("enricher",),
    "APOLLO_API_KEY": ("enricher",),
    "FULLCONTACT_API_KEY": ("enricher",),
    "ZEROBOUNCE_API_KEY": ("enricher",),
    "NEVERBOUNCE_API_KEY": ("enricher",),
    "ATTOM_API_KEY": ("enricher",),
    "MELISSA_API_KEY": ("enricher",),
    "MAPBOX_ACCESS_TOKEN": ("enricher",),
    "USPS_CLIENT_SECRET": ("enricher",),
    "TWILIO_LOOKUPS_AUTH_TOKEN": ("enricher", "marketplace"),
    "TWILIO_AUTH_TOKEN": ("marketplace", "sandbox"),
    "STREETVIEW_API_KEY": ("image_processor",),
    "GOOGLE_STATIC_API_KEY": ("image_processor",),
    "GOOGLE_URL_SIGNING_SECRET": ("image_processor",),
    "MAPBOX_STATIC_ACCESS_TOKEN": ("image_processor",),
    "NEARMAP_API_KEY": ("image_processor",),
    "SOCRATA_APP_TOKEN": ("scraper",),
    "ACCELA_APP_SECRET": ("scraper",),
    "ACCELA_PASSWORD": ("scraper",),
    "AWS_ACCESS_KEY_ID": ("image_processor", "ml_inference", "marketplace"),
    "AWS_SECRET_ACCESS_KEY": ("image_processor", "ml_inference", "marketplace"),
    "DATABASE_APP_PASSWORD": (),
}
"""Secrets that are not everybody's and the processes that get them; () for those of the migration alone."""


def only_own_secrets(process: str, given: Mapping[str, str]) -> dict[str, str]:
    """The variables without the secrets of other processes."""
    return {name: value for name, value in given.items() if process in SECRET_READERS.get(name, (process,))}


class Settings(BaseSettings):
    """What every process reads; a service adds its own class on top, with its own prefix."""

    model_config = SettingsConfigDict(extra="ignore", populate_by_name=True)

    environment: Literal["development", "test", "production"] = Field(
        "development", alias="RIDGELINE_ENVIRONMENT"
    )
    database_url: str = Field("postgresql+psycopg://ridgeline@127.0.0.1:5432/ridgeline", alias="DATABASE_URL")
    database_roles: bool = Field(default=True, alias="RIDGELINE_DATABASE_ROLES")
    """Every service works under its own role, svc_<service>; false where the migrating login may create none."""
    database_app_password: SecretStr = Field(SecretStr(""), alias="DATABASE_APP_PASSWORD")
    """Given by the migration to the login ridgeline_app, under which a fleet that is not its owner runs."""

    redis_url: SecretStr = Field(SecretStr("redis://127.0.0.1:6379/0"), alias="REDIS_URL")
    port_base: int = Field(8000, alias="RIDGELINE_PORT_BASE")
    bind_host: str = Field("127.0.0.1", alias="RIDGELINE_BIND_HOST")
    trusted_proxies: str = Field("127.0.0.1", alias="RIDGELINE_TRUSTED_PROXIES")
    marketplace_base_url: str = Field("", alias="MARKETPLACE_BASE_URL")
    scraper_base_url: str = Field("", alias="SCRAPER_BASE_URL")
    image_processor_base_url: str = Field("", alias="IMAGE_PROCESSOR_BASE_URL")
    ml_inference_base_url: str = Field("", alias="ML_INFERENCE_BASE_URL")
    enricher_base_url: str = Field("", alias="ENRICHER_BASE_URL")
    contractor_acquisition_base_url: str = Field("", alias="CONTRACTOR_ACQUISITION_BASE_URL")
    ai_calling_base_url: str = Field("", alias="AI_CALLING_BASE_URL")
    outreach_base_url: str = Field("", alias="OUTREACH_BASE_URL")
    lead_generator_base_url: str = Field("", alias="LEAD_GENERATOR_BASE_URL")
    orchestrator_base_url: str = Field("", alias="ORCHESTRATOR_BASE_URL")
    service_host: str = Field("", alias="RIDGELINE_SERVICE_HOST_TEMPLATE")
    cors_origins: str = Field("", alias="RIDGELINE_CORS_ORIGINS")
    """Origins whose pages may call an API from a browser, separated by commas; none unless set."""
    log_format: Literal["json", "console"] = Field("json", alias="RIDGELINE_LOG_FORMAT")
    log_level: str = Field("INFO", alias="RIDGELINE_LOG_LEVEL")
    metrics_token: SecretStr = Field(SecretStr(""), alias="METRICS_TOKEN")
    sentry_dsn: SecretStr | None = Field(None, alias="SENTRY_DSN")
    user_agent: str = Field(
        "Ridgeline/0.1 (+https://ridgeline.example/bot; bot@ridgeline.example)", alias="RIDGELINE_USER_AGENT"
    )

    service_signing_key: SecretStr = Field(SecretStr(""), alias="SERVICE_SIGNING_KEY")
    user_signing_key: SecretStr = Field(SecretStr(""), alias="USER_SIGNING_KEY")
    token_public_keys: str = Field("", alias="TOKEN_PUBLIC_KEYS")
    field_keys: SecretStr = Field(SecretStr(""), alias="FIELD_KEYS")
    blind_index_pepper: SecretStr = Field(SecretStr(""), alias="BLIND_INDEX_PEPPER")

    pool_size: int = Field(12, alias="RIDGELINE_POOL_SIZE")
    queue_poll_seconds: float = Field(0.1, alias="RIDGELINE_QUEUE_POLL_SECONDS")
    lease_seconds: float = Field(45.0, alias="RIDGELINE_LEASE_SECONDS")
    drain_seconds: float = Field(25.0, alias="RIDGELINE_DRAIN_SECONDS")
    sweep_seconds: float = Field(5.0, alias="RIDGELINE_SWEEP_SECONDS")
    sweep_after_seconds: float = Field(30.0, alias="RIDGELINE_SWEEP_AFTER_SECONDS")
    schedule_tick_seconds: float = Field(5.0, alias="RIDGELINE_SCHEDULE_TICK_SECONDS")
    relay_poll_seconds: float = Field(0.05, alias="RIDGELINE_RELAY_POLL_SECONDS")
    stream_claim_seconds: float = Field(30.0, alias="RIDGELINE_STREAM_CLAIM_SECONDS")
    queue_depth_limit: int = Field(1000, alias="RIDGELINE_QUEUE_DEPTH_LIMIT")

    object_store_url: str = Field("", alias="OBJECT_STORE_URL")
    sandbox_url: str = Field("", alias="SANDBOX_URL")
    fetch_trusted_origins: str = Field("", alias="FETCH_TRUSTED_ORIGINS")

    @property
    def production(self) -> bool:
        """True when real people and real money are on the other side."""
        return self.environment == "production"

    @property
    def object_store(self) -> str:
        """URL of the object store; a folder of the checkout unless set."""
        return self.object_store_url or (Path.cwd() / ".ridgeline" / "objects").as_uri()

    @property
    def trusted_origins(self) -> tuple[str, ...]:
        """Exact scheme+host+port triples that a configured source's first hop may match."""
        origins = [origin.strip() for origin in self.fetch_trusted_origins.split(",") if origin.strip()]
        if self.sandbox_url:
            origins.append(self.sandbox_url.rstrip("/"))
        return tuple(origins)

    @property
    def allowed_origins(self) -> list[str]:
        """Origins that a browser's page may call us from."""
        return [origin.strip().rstrip("/") for origin in self.cors_origins.split(",") if origin.strip()]

    def service_url(self, name: str) -> str:
        """Base URL of a service: as set, else by template in a cluster, else by port on one machine."""
        own: str = getattr(self, f"{name}_base_url", "")
        if own:
            return own.rstrip("/")
        port = self.port_base + SERVICE_PORTS[name]
        if self.service_host:
            return self.service_host.format(name=name, dashed=name.replace("_", "-"), port=port)
        return f"http://127.0.0.1:{port}"

    @model_validator(mode="after")
    def _refuse_unsafe_production(self) -> Settings:
        """Fail at start rather than run production with a default secret or a trusted sandbox."""
        if not self.production:
            return self
        missing = [
            alias
            for alias, secret in (
                ("SERVICE_SIGNING_KEY", self.service_signing_key),
                ("FIELD_KEYS", self.field_keys),
                ("BLIND_INDEX_PEPPER", self.blind_index_pepper),
            )
            if not secret.get_secret_value()
        ]
        if missing:
            raise ValueError(f"production needs {', '.join(missing)}")
        if "*" in self.cors_origins:
            raise ValueError("production refuses every page in RIDGELINE_CORS_ORIGINS; name the origins")
        if self.fetch_trusted_origins or self.sandbox_url:
            raise ValueError("production refuses FETCH_TRUSTED_ORIGINS and SANDBOX_URL")
        return self


class LimitSettings(Settings):
    """Limits until an operator sets others with `PATCH /config`; a city's own figure goes before both."""

    lead_cap_usd: Decimal = Field(Decimal("0.50"), alias="ENRICHER_LEAD_CAP_USD", ge=0)
    city_daily_cap_usd: Decimal = Field(Decimal(50), alias="ENRICHER_CITY_DAILY_CAP_USD", ge=0)
    daily_prospect_cap: int = Field(200, alias="LEAD_GENERATOR_DAILY_PROSPECT_CAP", ge=0)
