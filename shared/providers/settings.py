"""Where each vendor lives, which one serves a capability, and what a call may cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.providers.base import ClientSettings
from shared.settings import SECRET_READERS


@dataclass(frozen=True, slots=True)
class VendorFacts:
    """A vendor's public address and the pace it bears (contracts, one page a vendor)."""

    base_url: str
    requests_per_second: float
    burst: float
    timeout_seconds: float = 15.0


VENDORS: Final[Mapping[str, VendorFacts]] = {
    # Open-data portals have a host for each city; the address comes with the source.
    "socrata": VendorFacts("", 5, 5, 30),
    "arcgis": VendorFacts("", 5, 5, 30),
    "ckan": VendorFacts("", 1, 2, 30),
    "files": VendorFacts("", 1, 2, 30),
    "accela": VendorFacts("https://apis.accela.com", 2, 2, 30),
    "accela_portal": VendorFacts("", 1 / 3, 1, 60),
    "energov": VendorFacts("", 1, 1, 60),
    "html_portal": VendorFacts("", 1 / 3, 1, 30),
    # A model on a machine of ours; without an address there is none, and pages are read without it.
    "ollama": VendorFacts("", 5, 5, 120),
    "assessor": VendorFacts("", 1 / 3, 1, 30),
    "ncei": VendorFacts("https://www.ncei.noaa.gov", 1, 2, 120),
    "spc": VendorFacts("https://www.spc.noaa.gov", 5, 5, 20),
    "nws": VendorFacts("https://api.weather.gov", 5, 5, 30),
    "swdi": VendorFacts("https://www.ncei.noaa.gov", 1, 2, 60),
    "stac": VendorFacts("https://planetarycomputer.microsoft.com", 20, 20, 30),
    "streetview": VendorFacts("https://maps.googleapis.com", 50, 50, 20),
    # States and counties have a host each; the address comes with the city's image_sources.
    "imageserver": VendorFacts("", 2, 4, 30),
    "wmts": VendorFacts("", 10, 16, 30),
    "usgs": VendorFacts("https://imagery.nationalmap.gov", 2, 4, 30),
    "nearmap": VendorFacts("https://api.nearmap.com", 10, 16, 30),
    "google_static": VendorFacts("https://maps.googleapis.com", 50, 50, 20),
    "mapbox_static": VendorFacts("https://api.mapbox.com", 20, 20, 20),
    "census": VendorFacts("https://geocoding.geo.census.gov", 4, 4, 30),
    "hunter": VendorFacts("https://api.hunter.io", 8, 15),
    "snov": VendorFacts("https://api.snov.io", 1, 2),  # 60 a minute for the account, without any header
    "apollo": VendorFacts("https://api.apollo.io", 0.8, 5),
    # Its limiter delays answers before it refuses any, hence the long wait.
    "fullcontact": VendorFacts("https://api.fullcontact.com", 5, 5, 30),
    "zerobounce": VendorFacts("https://api.zerobounce.net", 20, 20, 30),
    "neverbounce": VendorFacts("https://api.neverbounce.com", 5, 5, 30),
    "attom": VendorFacts("https://api.gateway.attomdata.com", 5, 5, 20),
    "melissa": VendorFacts("https://property.melissadata.net", 5, 5, 20),
    "mapbox": VendorFacts("https://api.mapbox.com", 10, 10, 20),
    "usps": VendorFacts("https://apis.usps.com", 60 / 3600, 5, 20),  # the app's quota, tokens included
    "twilio_lookups": VendorFacts("https://lookups.twilio.com", 10, 10, 15),
    "twilio": VendorFacts("https://api.twilio.com", 5, 5, 15),
    "stripe": VendorFacts("https://api.stripe.com", 25, 25, 20),
    "sendgrid": VendorFacts("https://api.sendgrid.com", 10, 10, 15),
    "highlevel": VendorFacts(
        "https://services.leadconnectorhq.com", 8, 20, 20
    ),  # 100 in ten seconds a location
    # Its address is told to registered brokers; without one nobody is asked.
    "drop": VendorFacts("", 1, 2, 60),
}

KEYED: Final = (
    "hunter", "snov", "apollo", "fullcontact", "zerobounce", "neverbounce", "attom", "melissa", "mapbox",
    "twilio_lookups", "twilio", "stripe", "sendgrid", "nearmap", "google_static", "mapbox_static",
)  # fmt: skip
_KEY_FIELDS: Final[Mapping[str, str]] = {
    "stripe": "secret_key",
    "snov": "client_secret",
    "usps": "client_secret",
    "mapbox": "access_token",
    "mapbox_static": "access_token",
    "twilio_lookups": "auth_token",
    "twilio": "auth_token",
}
_TASKS: Final[Mapping[str, str]] = {
    "zerobounce": "verify",
    "neverbounce": "verify",
    "attom": "lookup",
    "melissa": "lookup",
}
_SANDBOX_KEY: Final = "sandbox"
SANDBOX_TWILIO: Final = {"account": f"AC{0:032x}", "service": f"MG{0:032x}"}
"""Ids of an account and a messaging service, of the form that Twilio's have."""
INVENTED_SENDER: Final = "notices@ridgeline.example"
INVENTED_ADDRESS: Final = "1 Ridge Road, Austin, TX 78701"
SANDBOX_PACE: Final = 50.0  # FE-2: our own town bears more than a stranger's host


class ProviderSettings(BaseSettings):
    """Read from the environment: `<VENDOR>_BASE_URL`, keys, the order of vendors and prices."""

    model_config = SettingsConfigDict(extra="ignore", populate_by_name=True)

    environment: Literal["development", "test", "production"] = Field(
        "development", alias="RIDGELINE_ENVIRONMENT"
    )
    sandbox_url: str = Field("", alias="SANDBOX_URL")
    user_agent: str = Field(
        "Ridgeline/0.1 (+https://ridgeline.example/bot; bot@ridgeline.example)", alias="RIDGELINE_USER_AGENT"
    )
    replicas: int = Field(2, alias="RIDGELINE_REPLICAS", ge=1)

    socrata_base_url: str = Field("", alias="SOCRATA_BASE_URL")
    arcgis_base_url: str = Field("", alias="ARCGIS_BASE_URL")
    ckan_base_url: str = Field("", alias="CKAN_BASE_URL")
    files_base_url: str = Field("", alias="FILES_BASE_URL")
    accela_base_url: str = Field("", alias="ACCELA_BASE_URL")
    accela_portal_base_url: str = Field("", alias="ACCELA_PORTAL_BASE_URL")
    energov_base_url: str = Field("", alias="ENERGOV_BASE_URL")
    html_portal_base_url: str = Field("", alias="HTML_PORTAL_BASE_URL")
    ollama_base_url: str = Field("", alias="OLLAMA_BASE_URL")
    assessor_base_url: str = Field("", alias="ASSESSOR_BASE_URL")
    ncei_base_url: str = Field("", alias="NCEI_BASE_URL")
    spc_base_url: str = Field("", alias="SPC_BASE_URL")
    nws_base_url: str = Field("", alias="NWS_BASE_URL")
    swdi_base_url: str = Field("", alias="SWDI_BASE_URL")
    stac_base_url: str = Field("", alias="STAC_BASE_URL")
    streetview_base_url: str = Field("", alias="STREETVIEW_BASE_URL")
    imageserver_base_url: str = Field("", alias="IMAGESERVER_BASE_URL")
    wmts_base_url: str = Field("", alias="WMTS_BASE_URL")
    usgs_base_url: str = Field("", alias="USGS_BASE_URL")
    nearmap_base_url: str = Field("", alias="NEARMAP_BASE_URL")
    google_static_base_url: str = Field("", alias="GOOGLE_STATIC_BASE_URL")
    mapbox_static_base_url: str = Field("", alias="MAPBOX_STATIC_BASE_URL")
    census_base_url: str = Field("", alias="CENSUS_BASE_URL")
    hunter_base_url: str = Field("", alias="HUNTER_BASE_URL")
    snov_base_url: str = Field("", alias="SNOV_BASE_URL")
    apollo_base_url: str = Field("", alias="APOLLO_BASE_URL")
    fullcontact_base_url: str = Field("", alias="FULLCONTACT_BASE_URL")
    zerobounce_base_url: str = Field("", alias="ZEROBOUNCE_BASE_URL")
    neverbounce_base_url: str = Field("", alias="NEVERBOUNCE_BASE_URL")
    attom_base_url: str = Field("", alias="ATTOM_BASE_URL")
    melissa_base_url: str = Field("", alias="MELISSA_BASE_URL")
    mapbox_base_url: str = Field("", alias="MAPBOX_BASE_URL")
    usps_base_url: str = Field("", alias="USPS_BASE_URL")
    twilio_lookups_base_url: str = Field("", alias="TWILIO_LOOKUPS_BASE_URL")
    twilio_base_url: str = Field("", alias="TWILIO_BASE_URL")
    stripe_base_url: str = Field("", alias="STRIPE_BASE_URL")
    sendgrid_base_url: str = Field("", alias="SENDGRID_BASE_URL")
    highlevel_base_url: str = Field("", alias="GHL_API_BASE_URL")
    drop_base_url: str = Field("", alias="DROP_BASE_URL")

    socrata_app_token: SecretStr = Field(SecretStr(""), alias="SOCRATA_APP_TOKEN")
    accela_app_id: str = Field("", alias="ACCELA_APP_ID")
    accela_app_secret: SecretStr = Field(SecretStr(""), alias="ACCELA_APP_SECRET")
    accela_username: str = Field("", alias="ACCELA_USERNAME")
    accela_password: SecretStr = Field(SecretStr(""), alias="ACCELA_PASSWORD")
    accela_rate_limit_threshold: float = Field(0.15, alias="ACCELA_RATE_LIMIT_THRESHOLD", gt=0, lt=1)
    """Share of an agency's allowance below which county pulls hold back."""
    accela_pagination_delay_fallback: float = Field(0.5, alias="ACCELA_PAGINATION_DELAY_FALLBACK", gt=0)
    accela_enrichment_delay_fallback: float = Field(0.1, alias="ACCELA_ENRICHMENT_DELAY_FALLBACK", gt=0)
    accela_max_retries: int = Field(3, alias="ACCELA_MAX_RETRIES", ge=0, le=10)
    accela_request_timeout: float = Field(30.0, alias="ACCELA_REQUEST_TIMEOUT", gt=0)
    streetview_api_key: SecretStr = Field(SecretStr(""), alias="STREETVIEW_API_KEY")
    nearmap_api_key: SecretStr = Field(SecretStr(""), alias="NEARMAP_API_KEY")
    google_static_api_key: SecretStr = Field(SecretStr(""), alias="GOOGLE_STATIC_API_KEY")
    google_url_signing_secret: SecretStr = Field(SecretStr(""), alias="GOOGLE_URL_SIGNING_SECRET")
    """Signs the addresses of Google's pictures that browsers load; without it they carry the key alone."""
    mapbox_static_access_token: SecretStr = Field(SecretStr(""), alias="MAPBOX_STATIC_ACCESS_TOKEN")
    """A public token for browsers, bound to our pages; the one that geocodes is never shown."""
    hunter_api_key: SecretStr = Field(SecretStr(""), alias="HUNTER_API_KEY")
    snov_client_id: str = Field("", alias="SNOV_CLIENT_ID")
    snov_client_secret: SecretStr = Field(SecretStr(""), alias="SNOV_CLIENT_SECRET")
    apollo_api_key: SecretStr = Field(SecretStr(""), alias="APOLLO_API_KEY")
    fullcontact_api_key: SecretStr = Field(SecretStr(""), alias="FULLCONTACT_API_KEY")
    zerobounce_api_key: SecretStr = Field(SecretStr(""), alias="ZEROBOUNCE_API_KEY")
    neverbounce_api_key: SecretStr = Field(SecretStr(""), alias="NEVERBOUNCE_API_KEY")
    attom_api_key: SecretStr = Field(SecretStr(""), alias="ATTOM_API_KEY")
    melissa_api_key: SecretStr = Field(SecretStr(""), alias="MELISSA_API_KEY")
    mapbox_access_token: SecretStr = Field(SecretStr(""), alias="MAPBOX_ACCESS_TOKEN")
    usps_client_id: str = Field("", alias="USPS_CLIENT_ID")
    usps_client_secret: SecretStr = Field(SecretStr(""), alias="USPS_CLIENT_SECRET")
    twilio_account_sid: str = Field("", alias="TWILIO_ACCOUNT_SID")
    twilio_lookups_auth_token: SecretStr = Field(SecretStr(""), alias="TWILIO_LOOKUPS_AUTH_TOKEN")
    twilio_auth_token: SecretStr = Field(SecretStr(""), alias="TWILIO_AUTH_TOKEN")
    """Of the account that sends our texts; its webhooks are signed with it as well."""
    twilio_messaging_service_sid: str = Field("", alias="TWILIO_MESSAGING_SERVICE_SID")
    twilio_from: str = Field("", alias="TWILIO_FROM", pattern=r"^(\+1[2-9]\d{9})?$")
    """The number that texts come from, where there is no messaging service."""
    stripe_secret_key: SecretStr = Field(SecretStr(""), alias="STRIPE_SECRET_KEY")
    sendgrid_api_key: SecretStr = Field(SecretStr(""), alias="SENDGRID_API_KEY")
    highlevel_api_key: SecretStr = Field(SecretStr(""), alias="GHL_API_KEY")
    summit_api_key: SecretStr = Field(SecretStr(""), alias="SUMMIT_API_KEY")
    """Our own HighLevel account, called Summit.AI, which takes the HVAC leads."""
    summit_location_id: str = Field("", alias="SUMMIT_LOCATION_ID")

    drop_api_key: SecretStr = Field(SecretStr(""), alias="DROP_API_KEY")

    geocoder: str = Field("census", alias="GEOCODER")
    address_validator: str = Field("usps", alias="ADDRESS_VALIDATOR")
    owner_records: str = Field("", alias="OWNER_RECORDS")
    phone_lookup: str = Field("", alias="PHONE_LOOKUP")
    email_finders: str = Field("hunter", alias="EMAIL_FINDERS")
    email_verifiers: str = Field("zerobounce,neverbounce", alias="EMAIL_VERIFIERS")
    nadir_imagery: str = Field("stac,public_ortho,usgs,nearmap", alias="NADIR_IMAGERY")
    """Whose pictures from above are kept and analysed, tried in this order; public_ortho is the city's own service."""
    live_imagery: str = Field("google_static,mapbox_static", alias="LIVE_IMAGERY")
    """Whose pictures from above are only shown, by an address that a browser loads; the first with a key serves."""
    street_imagery: str = Field("streetview", alias="STREET_IMAGERY")
    storm_feeds: str = Field("ncei,spc,nws_alerts,lsr,swdi", alias="STORM_FEEDS")
    payments: str = Field("stripe", alias="PAYMENTS")
    mailer: str = Field("sendgrid", alias="MAILER")
    texter: str = Field("", alias="TEXTER")
    """Who sends our texts; nobody unless named, but beside the sandbox it is Twilio's."""
    crm: str = Field("highlevel", alias="CRM")
    deletion_lists: str = Field("drop", alias="DELETION_LISTS")
    """Whose lists of people who want to be deleted everywhere are honoured."""

    hunter_find_cost_usd: Decimal = Field(Decimal("0.0245"), alias="HUNTER_FIND_COST_USD")
    snov_find_cost_usd: Decimal = Field(Decimal("0.039"), alias="SNOV_FIND_COST_USD")
    apollo_find_cost_usd: Decimal = Field(Decimal("0.10"), alias="APOLLO_FIND_COST_USD")
    fullcontact_find_cost_usd: Decimal = Field(Decimal("0.30"), alias="FULLCONTACT_FIND_COST_USD")
    zerobounce_verify_cost_usd: Decimal = Field(Decimal("0.008"), alias="ZEROBOUNCE_VERIFY_COST_USD")
    neverbounce_verify_cost_usd: Decimal = Field(Decimal("0.008"), alias="NEVERBOUNCE_VERIFY_COST_USD")
    attom_lookup_cost_usd: Decimal = Field(Decimal("0.25"), alias="ATTOM_LOOKUP_COST_USD")
    melissa_lookup_cost_usd: Decimal = Field(Decimal("0.20"), alias="MELISSA_LOOKUP_COST_USD")
    twilio_lookup_cost_usd: Decimal = Field(Decimal("0.008"), alias="TWILIO_LOOKUP_COST_USD")
    twilio_text_cost_usd: Decimal = Field(Decimal("0.0083"), alias="TWILIO_TEXT_COST_USD")
    twilio_reassigned_cost_usd: Decimal = Field(Decimal("0.02"), alias="TWILIO_REASSIGNED_COST_USD")
    mapbox_geocode_cost_usd: Decimal = Field(Decimal("0.005"), alias="MAPBOX_GEOCODE_COST_USD")
    free_calls_a_month: str = Field("", alias="FREE_CALLS_A_MONTH")
    """Accounts on a vendor's free plan: `hunter=50,zerobounce=100` are what the vendors' price pages gave in 2026."""

    streetview_image_cost_usd: Decimal = Field(Decimal("0.007"), alias="STREETVIEW_IMAGE_COST_USD")
    google_static_image_cost_usd: Decimal = Field(Decimal("0.002"), alias="GOOGLE_STATIC_IMAGE_COST_USD")
    mapbox_static_image_cost_usd: Decimal = Field(Decimal("0.001"), alias="MAPBOX_STATIC_IMAGE_COST_USD")
    nearmap_tile_cost_usd: Decimal = Field(Decimal("0.005"), alias="NEARMAP_TILE_COST_USD")
    """A share of the yearly price: Nearmap counts megabytes of credit."""
    provider_daily_cap_usd: Decimal = Field(Decimal(25), alias="PROVIDER_DAILY_CAP_USD")

    streetview_source: str = Field("", alias="STREETVIEW_SOURCE")
    """Licence row of the street pictures, where the vendor behind STREETVIEW_BASE_URL is not Google."""

    chromium_path: str = Field("", alias="CHROMIUM_PATH")
    """Where Chromium is, if not on PATH; where there is none, pages are read by plain HTTP alone."""
    chromium_namespaces: bool = Field(default=True, alias="CHROMIUM_NAMESPACES")
    """Chromium's own sandbox; it needs user namespaces, which a container may refuse. Never used as root."""
    browser_seconds: float = Field(60.0, alias="BROWSER_SECONDS", gt=0)
    browser_patience_seconds: float = Field(10.0, alias="BROWSER_PATIENCE_SECONDS", gt=0)
    """How long a page's scripts may take to show what its recipe waits for."""
    browser_memory_mb: int = Field(1_000, alias="BROWSER_MEMORY_MB", ge=200)
    browser_slots: int = Field(1, alias="BROWSER_SLOTS", ge=1)

    mail_from: str = Field(INVENTED_SENDER, alias="MAIL_FROM")
    mail_from_name: str = Field("Ridgeline", alias="MAIL_FROM_NAME")
    mail_postal_address: str = Field(INVENTED_ADDRESS, alias="MAIL_POSTAL_ADDRESS")
    mail_unsubscribe_url: str = Field("", alias="MAIL_UNSUBSCRIBE_URL")
    """Where a mail's reader ends our mails, if it is not the marketplace's own page."""
    public_base_url: str = Field("", alias="PUBLIC_BASE_URL")

    @property
    def unsubscribe_url(self) -> str:
        """The page that ends our mails; the id of the decision that allowed one is appended to it."""
        own = f"{self.public_base_url.rstrip('/') or 'https://ridgeline.example'}/unsubscribe"
        return self.mail_unsubscribe_url.rstrip("/") or own

    @property
    def texts_by(self) -> str:
        """The vendor of our texts; empty for nobody."""
        return self.texter or ("twilio" if self.sandbox_url else "")

    @property
    def texting_account(self) -> str:
        """Our account at the vendor of texts; the sandbox knows one."""
        return self.twilio_account_sid or SANDBOX_TWILIO["account"]

    @property
    def messaging_service(self) -> str:
        """The service that chooses the number of a text; empty where TWILIO_FROM is that number."""
        own = self.twilio_messaging_service_sid
        return own or ("" if self.twilio_from else SANDBOX_TWILIO["service"])

    @property
    def text_callback_url(self) -> str:
        """Where the vendor of texts tells what became of one; nowhere without an address of ours."""
        return f"{self.public_base_url.rstrip('/')}/webhooks/twilio" if self.public_base_url else ""

    def base_url(self, vendor: str) -> str:
        """A vendor's address: as set, else the sandbox's when one runs, else the public one."""
        own: str = getattr(self, f"{vendor}_base_url")
        if own:
            return own.rstrip("/")
        if self.sandbox_url:
            return f"{self.sandbox_url.rstrip('/')}/{vendor}"
        return VENDORS[vendor].base_url

    @property
    def summit(self) -> ProviderSettings:
        """The same settings with the key of our own HighLevel account."""
        return self.model_copy(update={"highlevel_api_key": self.summit_api_key})

    @property
    def summit_location(self) -> str:
        """The location of that account; the sandbox has one under any name."""
        return self.summit_location_id or (_SANDBOX_KEY if self.sandbox_url else "")

    @property
    def accela_app(self) -> str:
        """Our app's id; the sandbox takes any, Accela itself none but a registered one."""
        at_accela = self.base_url("accela") == VENDORS["accela"].base_url
        return self.accela_app_id or ("" if at_accela else _SANDBOX_KEY)

    @property
    def accela_token_host(self) -> str:
        """Where Accela sells tokens: beside its data everywhere but at Accela itself."""
        data = self.base_url("accela")
        return "https://auth.accela.com" if data == VENDORS["accela"].base_url else data

    def key(self, vendor: str) -> str:
        """A vendor's secret; the sandbox takes any."""
        secret: SecretStr = getattr(self, f"{vendor}_{_key_field(vendor)}")
        return secret.get_secret_value() or _SANDBOX_KEY

    def in_sandbox(self, vendor: str) -> bool:
        """Whether the sandbox answers for this vendor."""
        return bool(self.sandbox_url) and self.base_url(vendor).startswith(self.sandbox_url.rstrip("/"))

    def can_ask(self, vendor: str) -> bool:
        """Whether there is a key for this vendor, or the sandbox stands in for it, which takes any."""
        return self.in_sandbox(vendor) or self.key(vendor) != _SANDBOX_KEY

    @property
    def street_source(self) -> str:
        """The licence row of street pictures: Google's, which allows display only, unless another is known."""
        if self.streetview_source:
            return self.streetview_source
        from_sandbox = self.sandbox_url and self.base_url("streetview").startswith(self.sandbox_url)
        return "licensed_street" if from_sandbox else "google_streetview"

    def price(self, vendor: str) -> Decimal:
        """What a billable answer of a contact vendor costs this account, US dollars."""
        if figures(self.free_calls_a_month).get(vendor):
            return Decimal(0)
        price: Decimal = getattr(self, f"{vendor}_{_TASKS.get(vendor, 'find')}_cost_usd")
        return price

    def client(self, vendor: str, *, headers: Mapping[str, str] | None = None) -> ClientSettings:
        """How the base client calls a vendor whose address is a setting."""
        facts, base_url = VENDORS[vendor], self.base_url(vendor)
        local = self.in_sandbox(vendor)
        return ClientSettings(
            base_url=base_url,
            requests_per_second=max(facts.requests_per_second, SANDBOX_PACE if local else 0),
            burst=max(facts.burst, SANDBOX_PACE if local else 0),
            timeout_seconds=facts.timeout_seconds,
            daily_cap=self.provider_daily_cap_usd,
            free_calls_a_month=int(figures(self.free_calls_a_month).get(vendor, 0)),
            headers=dict(headers or {}),
        )

    def refuse_missing_keys(self, service: str) -> None:
        """Fail at start rather than find out at the first charge that a key of this service is missing."""
        if self.environment != "production":
            return
        chosen = {self.payments, self.mailer, self.texter, self.geocoder, self.phone_lookup}
        chosen |= {*names(self.owner_records)}
        chosen |= {*names(self.email_finders), *names(self.email_verifiers)}
        missing = [
            vendor
            for vendor in KEYED
            if vendor in chosen
            and service in SECRET_READERS[f"{vendor}_{_key_field(vendor)}".upper()]
            and self.key(vendor) == _SANDBOX_KEY
        ]
        if missing:
            raise ValueError(f"production needs the keys of {', '.join(missing)}")
        if self.mailer in chosen and service in SECRET_READERS[f"{self.mailer}_api_key".upper()]:
            self._refuse_invented_sender()
        if self.texter in chosen and self.texter and service in SECRET_READERS["TWILIO_AUTH_TOKEN"]:
            self._refuse_silent_texter()

    def _refuse_silent_texter(self) -> None:
        """A text needs an account, a sender, a kind of line that was asked for, and a way back to us for STOP."""
        missing = [
            name
            for name, there in (
                ("TWILIO_ACCOUNT_SID", self.twilio_account_sid),
                ("TWILIO_MESSAGING_SERVICE_SID", self.twilio_messaging_service_sid or self.twilio_from),
                ("PHONE_LOOKUP", self.phone_lookup),
                ("PUBLIC_BASE_URL", self.public_base_url.startswith("https://")),
            )
            if not there
        ]
        if missing:
            raise ValueError(f"production sends texts and needs {', '.join(missing)}")

    def _refuse_invented_sender(self) -> None:
        """A sender, a postal address and a way out that are real, as 15 U.S.C. 7704(a) wants of every mail."""
        invented = {
            "MAIL_FROM": self.mail_from in ("", INVENTED_SENDER),
            "MAIL_POSTAL_ADDRESS": self.mail_postal_address in ("", INVENTED_ADDRESS),
            "PUBLIC_BASE_URL": not self.unsubscribe_url.startswith("https://")
            or urlsplit(self.unsubscribe_url).hostname == "ridgeline.example",
        }
        if any(invented.values()):
            missing = ", ".join(name for name, wrong in invented.items() if wrong)
            raise ValueError(f"production sends mail and needs {missing} (an https address)")

    @model_validator(mode="after")
    def _refuse_unsafe_production(self) -> ProviderSettings:
        """The invented vendors have no place beside real people and real money."""
        if self.environment == "production" and self.sandbox_url:
            raise ValueError("production refuses SANDBOX_URL")
        return self


def _key_field(vendor: str) -> str:
    return _KEY_FIELDS.get(vendor, "api_key")


def figures(text: str) -> dict[str, Decimal]:
    """The figures of a setting such as `hunter=50,zerobounce=100`, by vendor."""
    pairs = (entry.split("=", 1) for entry in names(text))
    return {name.strip(): Decimal(figure) for name, figure in pairs}


def names(order: str) -> tuple[str, ...]:
    """The vendors of a setting such as `hunter,apollo`, in order."""
    return tuple(name.strip() for name in order.split(",") if name.strip())
