"""Settings, read once from the environment (and a `.env` file), frozen, each documented in `.env.example`."""

import re
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import platformdirs
from pydantic import AwareDatetime, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from callguard.errors import ConfigurationError

DEFAULT_PORT = 8000
LOCAL_TWILIO_API_URL = "http://127.0.0.1:8100"
TWILIO_API_URL = "https://api.twilio.com"
TRANSACTION_POOLER_PORT = 6543
# As the port of any of the hosts, or as a parameter.
_POOLER = re.compile(rf"(?::|[?&]port=){TRANSACTION_POOLER_PORT}(?:[/?&,#]|$)")

_MAIL_ADDRESS = re.compile(r"[^@\s<>,]+@[^@\s<>,]+")
_E164 = re.compile(r"\+[1-9]\d{6,14}")


def _default_data_dir() -> Path:
    return Path(platformdirs.user_data_dir("callguard", appauthor=False))


def _is_near(host: str) -> bool:
    """Whether a host is this machine, or an address of a private network."""
    try:
        return host == "localhost" or ip_address(host).is_private
    except ValueError:
        return False


class Settings(BaseSettings):
    """Everything that differs between two installations. Secrets are never printed."""

    model_config = SettingsConfigDict(
        env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True, populate_by_name=True
    )

    data_dir: Path = Field(default_factory=_default_data_dir, alias="CALLGUARD_DATA_DIR")
    """Where the embedded database, the spool and generated keys live."""
    master_key: SecretStr | None = Field(None, alias="CALLGUARD_MASTER_KEY")
    """32 bytes, base64url: seals the spool and signs stream tokens. Made on first start when absent."""
    dashboard_key: SecretStr | None = Field(None, alias="CALLGUARD_DASHBOARD_KEY")
    """Opens the dashboard. Made on first start when absent."""

    host: str = Field("127.0.0.1", alias="HOST")
    """Address the server listens on."""
    port: int = Field(DEFAULT_PORT, alias="PORT", ge=0, le=65535)
    """Port the server listens on."""
    public_base_url: str | None = Field(None, alias="PUBLIC_BASE_URL")
    """How Twilio reaches this server, as in https://calls.example.org; signatures are checked against it."""
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", alias="LOG_LEVEL")
    """Least severity that is logged."""
    log_format: Literal["text", "json"] = Field("text", alias="LOG_FORMAT")
    """`text` for people, `json` for machines."""

    database_url: SecretStr | None = Field(None, alias="DATABASE_URL")
    """Any Postgres 15+ or Supabase (direct or session port 5432). Absent: the embedded Postgres."""
    database_app_url: SecretStr | None = Field(None, alias="DATABASE_APP_URL")
    """The same database as a login of role callguard_app. Absent: DATABASE_URL, with that role assumed."""
    database_pool_size: int = Field(10, alias="DATABASE_POOL_SIZE", ge=2, le=100)
    """Connections of one server process."""
    webhook_database_seconds: float = Field(1.2, alias="WEBHOOK_DATABASE_SECONDS", gt=0, le=10)
    """How long a webhook waits for the database before it answers without it."""

    twilio_account_sid: str | None = Field(None, alias="TWILIO_ACCOUNT_SID")
    """Twilio account. Absent: local mode, against the stand-in."""
    twilio_auth_token: SecretStr | None = Field(None, alias="TWILIO_AUTH_TOKEN")
    """Signs webhooks and authenticates REST requests."""
    twilio_auth_token_secondary: SecretStr | None = Field(None, alias="TWILIO_AUTH_TOKEN_SECONDARY")
    """Also accepted on webhooks while the token is being rotated."""
    twilio_auth_token_secondary_until: AwareDatetime | None = Field(
        None, alias="TWILIO_AUTH_TOKEN_SECONDARY_UNTIL"
    )
    """When the secondary token is accepted no longer, such as 2026-12-01T00:00Z. Absent: while it is set."""
    twilio_api_url: str | None = Field(None, alias="TWILIO_API_URL")
    """Where Twilio's REST API is. Absent: Twilio itself, or the stand-in in local mode."""
    twilio_alert_number: str | None = Field(None, alias="TWILIO_ALERT_NUMBER")
    """Number that alerts are sent from. Absent: the person's own Twilio number."""

    fallback_url: str | None = Field(None, alias="FALLBACK_URL")
    """Where Twilio finds whom to dial while this server is down: `{number}` and `{twiml}` are filled in."""
    canary_number: str | None = Field(None, alias="CANARY_NUMBER")
    """Twilio number that test calls come from. Absent: TWILIO_ALERT_NUMBER."""

    alert_answer_seconds: float = Field(60, alias="ALERT_ANSWER_SECONDS", gt=0, le=3600)
    """How long an alert by SMS may stay unanswered before the contact is rung."""
    alert_countries: Annotated[tuple[str, ...], NoDecode] = Field((), alias="ALERT_COUNTRIES")
    """Comma-separated ISO codes of countries that may be written to and rung, beside each person's own."""
    alert_most_an_hour: int = Field(4, alias="ALERT_MOST_AN_HOUR", ge=1)
    """Warnings that one contact gets in an hour at the most; danger always reaches them, once a call."""
    alert_most_a_day: int = Field(12, alias="ALERT_MOST_A_DAY", ge=1)
    """Warnings that one contact gets in a day at the most."""
    alert_most_of_all_a_day: int = Field(200, alias="ALERT_MOST_OF_ALL_A_DAY", ge=1)
    """Warnings of one organisation in a day at the most."""
    evidence_hours: float = Field(24, alias="EVIDENCE_HOURS", gt=0, le=720)
    """How long the link in an alert shows its evidence."""
    smtp_host: str | None = Field(None, alias="SMTP_HOST")
    """Mail server; turns alerts and notices by e-mail on."""
    smtp_port: int = Field(587, alias="SMTP_PORT", ge=1, le=65535)
    """Its port: 587 with STARTTLS, 465 with TLS from the start."""
    smtp_security: Literal["starttls", "tls", "none"] = Field("starttls", alias="SMTP_SECURITY")
    """How the connection is encrypted; `none` is for a server on this machine."""
    smtp_user: str | None = Field(None, alias="SMTP_USER")
    """Login at the mail server."""
    smtp_password: SecretStr | None = Field(None, alias="SMTP_PASSWORD")
    """Password of that login."""
    smtp_from: str | None = Field(None, alias="SMTP_FROM")
    """The address that e-mails come from; needed with SMTP_HOST."""
    vapid_private_key: SecretStr | None = Field(None, alias="VAPID_PRIVATE_KEY")
    """P-256 private key, 32 bytes in base64url, for web push. Absent: derived from the master key."""
    vapid_subject: str | None = Field(None, alias="VAPID_SUBJECT")
    """mailto: or https: address that push services may turn to. Absent: OPERATOR_EMAIL, or this server."""
    operator_email: str | None = Field(None, alias="OPERATOR_EMAIL")
    """Where notices to the operator go."""
    operator_number: str | None = Field(None, alias="OPERATOR_NUMBER")
    """Where they go by SMS, when there is no OPERATOR_EMAIL or no SMTP_HOST, and the test calls' messages."""
    heartbeat_url: str | None = Field(None, alias="HEARTBEAT_URL")
    """https address asked for each minute while the server is well; what watches it tells of silence."""
    transcription: Literal["twilio", "local"] = Field("twilio", alias="TRANSCRIPTION")
    """Who recognises the words: Twilio, with this computer as the reserve, or this computer alone."""
    local_recognition_calls: int = Field(2, alias="LOCAL_RECOGNITION_CALLS", ge=0)
    """Calls recognised on this computer at once; a call beyond that is recognised when it has ended."""
    local_recognition_backlog_mb: int = Field(64, alias="LOCAL_RECOGNITION_BACKLOG_MB", ge=0)
    """Memory for the audio that waits for that, in MB (two minutes each); 0: none is kept."""

    openai_api_key: SecretStr | None = Field(None, alias="OPENAI_API_KEY")
    """Turns the LLM judge on."""
    openai_base_url: str | None = Field(None, alias="OPENAI_BASE_URL")
    """Any OpenAI-compatible server, one at home for instance; turns the LLM judge on too."""
    openai_model: str = Field("gpt-4o-mini", alias="OPENAI_MODEL")
    """Model the judge asks."""
    llm_price_input: float | None = Field(None, alias="CALLGUARD_LLM_PRICE_INPUT", ge=0)
    """What a million tokens sent to it cost, in US dollars. Absent: unknown, and cost is not shown."""
    llm_price_output: float | None = Field(None, alias="CALLGUARD_LLM_PRICE_OUTPUT", ge=0)
    """What a million tokens of its answers cost, in US dollars."""
    llm_daily_tokens: int = Field(1_000_000, alias="CALLGUARD_LLM_DAILY_TOKENS", ge=0)
    """Tokens, sent and answered, of one organisation in a day (UTC); beyond it the local scorer judges
    alone.
    """
    llm_daily_usd: float | None = Field(None, alias="CALLGUARD_LLM_DAILY_USD", ge=0)
    """US dollars of one organisation in a day, by the prices above; needs both. Absent: tokens alone
    count.
    """

    deepfake_model_path: Path | None = Field(None, alias="DEEPFAKE_MODEL_PATH")
    """An ONNX network, calibrated, that judges voices. Absent: the shipped one."""
    deepfake_api_url: str | None = Field(None, alias="DEEPFAKE_API_URL")
    """A server that speaks the voice API and judges callers' voices, which are sent to it. Absent: judged
    here.
    """
    deepfake_api_key: SecretStr | None = Field(None, alias="DEEPFAKE_API_KEY")
    """Its key."""

    caller_memory: bool = Field(True, alias="CALLER_MEMORY")
    """Whether callers are known again by their numbers and scripts."""

    voiceprint_key: SecretStr | None = Field(None, alias="VOICEPRINT_KEY")
    """NAME:KEY, 32 bytes of base64: seals enrolled voices. Several with commas between: the first seals.
    Absent: no voice is enrolled or compared.
    """

    media_max_streams: int = Field(500, alias="MEDIA_MAX_STREAMS", ge=1)
    """Media streams open at once; beyond it a call goes on without its audio."""
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field((), alias="TRUSTED_PROXIES")
    """Comma-separated addresses whose X-Forwarded-* headers are believed."""

    @field_validator("alert_countries", mode="after")
    @classmethod
    def _countries(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        codes = tuple(code.upper() for code in value)
        if not all(re.fullmatch("[A-Z]{2}", code) for code in codes):
            raise ValueError("must be two-letter codes of countries, as in US,CA")
        return codes

    @field_validator("trusted_proxies", "alert_countries", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return (
            tuple(part.strip() for part in value.split(",") if part.strip())
            if isinstance(value, str)
            else value
        )

    @field_validator(
        "public_base_url",
        "twilio_api_url",
        "openai_base_url",
        "fallback_url",
        "deepfake_api_url",
        mode="before",
    )
    @classmethod
    def _web_address(cls, value: object) -> object:
        if isinstance(value, str):
            value = value.rstrip("/")
            if value and not value.startswith(("http://", "https://")):
                raise ValueError("must start with http:// or https://")
        return value or None

    @field_validator("deepfake_api_url")
    @classmethod
    def _private_or_encrypted(cls, value: str | None) -> str | None:
        """Voices don't cross the internet in the clear."""
        try:
            parts = urlsplit(value or "")
            host, _ = parts.hostname or "", parts.port
        except ValueError:
            raise ValueError("must be an address with a host, and maybe a port") from None
        if parts.scheme == "http" and not _is_near(host):
            raise ValueError("must start with https://, unless it is an address of this machine or network")
        return value

    @field_validator("smtp_from", "operator_email")
    @classmethod
    def _mail_address(cls, value: str | None) -> str | None:
        if value is not None and not _MAIL_ADDRESS.fullmatch(value):
            raise ValueError("must be a plain address, as in callguard@example.org")
        return value

    @field_validator("vapid_subject")
    @classmethod
    def _subject(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("mailto:", "https://")):
            raise ValueError("must start with mailto: or https://")
        return value

    @field_validator("heartbeat_url")
    @classmethod
    def _https(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith("https://"):
            raise ValueError("must start with https://")
        return value

    @field_validator("operator_number")
    @classmethod
    def _number(cls, value: str | None) -> str | None:
        if value is not None and not _E164.fullmatch(value):
            raise ValueError("must be a number in E.164, as in +12025550199")
        return value

    @field_validator("database_url", "database_app_url")
    @classmethod
    def _session_connection(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        address = value.get_secret_value()
        if not address.startswith(("postgresql://", "postgres://")):
            raise ValueError("must start with postgresql://")
        if _POOLER.search(address):
            raise ValueError(
                f"port {TRANSACTION_POOLER_PORT} is a transaction pooler, which drops LISTEN; use port 5432"
            )
        return value

    @property
    def local_mode(self) -> bool:
        """No Twilio account is configured, so calls come from the local stand-in."""
        return self.twilio_account_sid is None

    @property
    def base_url(self) -> str:
        """The address that webhooks are signed for."""
        return self.public_base_url or f"http://127.0.0.1:{self.port}"

    @property
    def twilio_base_url(self) -> str:
        """Where REST requests go."""
        return self.twilio_api_url or (LOCAL_TWILIO_API_URL if self.local_mode else TWILIO_API_URL)

    @property
    def llm_configured(self) -> bool:
        return self.openai_api_key is not None or self.openai_base_url is not None


def load_settings(**overrides: object) -> Settings:
    """Settings from the environment; `overrides` (by field name) win.

    Raises:
        ConfigurationError: names each setting that is wrong and why, never its value.

    """
    try:
        settings = Settings(**overrides)  # type: ignore[arg-type]  # overrides are validated like the environment
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ConfigurationError(f"Some settings are wrong: {problems}. See .env.example.") from None
    if settings.twilio_account_sid and settings.twilio_auth_token is None:
        raise ConfigurationError(
            "TWILIO_ACCOUNT_SID is set but TWILIO_AUTH_TOKEN is not. Set both, or neither."
        )
    if settings.llm_daily_usd is not None and None in (settings.llm_price_input, settings.llm_price_output):
        raise ConfigurationError(
            "CALLGUARD_LLM_DAILY_USD is set but the prices are not. "
            "Set CALLGUARD_LLM_PRICE_INPUT and CALLGUARD_LLM_PRICE_OUTPUT too."
        )
    if settings.smtp_host and settings.smtp_from is None:
        raise ConfigurationError("SMTP_HOST is set but SMTP_FROM is not. Set the address e-mails come from.")
    return settings
