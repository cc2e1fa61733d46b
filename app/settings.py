"""The environment -> one frozen Settings. All problems are reported at once; a printed secret shows no value."""

from __future__ import annotations

import difflib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from pydantic import AfterValidator, Field, HttpUrl, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from app.errors import StartError, VariableError
from app.networks import Networks, is_unencrypted
from app.operators import read_role_values, read_tokens
from app.variables import FILE, variable

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "SEGUE_"
MINIMUM_DEDUPE_DAYS = 7
NEAR = 0.65  # how like a name must be to be suggested, of 1
_DRIVER = "postgresql+asyncpg"


def _asyncpg_url(value: SecretStr) -> SecretStr:
    """Return a PostgreSQL URL with the dialect that SQLAlchemy needs; its query stays as libpq knows it."""
    # Commands that need no database start twice as fast without SQLAlchemy.
    from sqlalchemy.engine import make_url  # noqa: PLC0415  # as above
    from sqlalchemy.exc import ArgumentError  # noqa: PLC0415  # as above

    try:
        url = make_url(value.get_secret_value())
    except ArgumentError:
        raise ValueError("not a URL; write postgresql://user:password@host:5432/database") from None
    if url.drivername not in {"postgres", "postgresql", _DRIVER}:
        raise ValueError(f"{url.drivername}:// is not supported; write postgresql://user:password@host:5432/database")
    return SecretStr(url.set(drivername=_DRIVER).render_as_string(hide_password=False))


def _usable_tokens(value: SecretStr) -> SecretStr:
    read_tokens(value.get_secret_value())
    return value


def _usable_roles(value: str) -> str:
    read_role_values(value)
    return value


def _usable_issuer(value: str) -> str:
    # It is compared with what tokens name, character by character: a URL that is taken apart is written differently.
    if not re.fullmatch(r"https?://[^\s?#/]+(/[^\s?#]*)?", value) or is_unencrypted(value):
        raise ValueError("not an issuer; write the URL that the identity provider names, https://...")
    return value


def _without_path(value: HttpUrl) -> HttpUrl:
    if value.path not in (None, "", "/") or value.query or value.fragment:
        raise ValueError("no path may stand behind the host: the console is at /admin there")
    return value


def _default_data_dir() -> Path:
    # When Segue runs as root, the server runs as a user without privileges, who cannot read root's home folder.
    return Path("/var/lib/segue") if os.geteuid() == 0 else Path("data")


class Settings(BaseSettings):
    """Every setting, by its environment name without the prefix `SEGUE_`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", env_ignore_empty=True)

    database_url: Annotated[SecretStr, AfterValidator(_asyncpg_url)] | None = Field(
        None,
        description="PostgreSQL to use, `postgresql://...`; without it a private server runs in the data directory",
    )
    data_dir: Path = Field(
        default_factory=_default_data_dir,
        description="Where the private server keeps its data; `/var/lib/segue` for root, else `./data`; "
        "practice adds `-practice`",
    )
    config: Path = Field(Path("rules.yaml"), description="The rules file, or a folder of them")
    hubspot_base_url: HttpUrl = Field(HttpUrl("https://api.hubapi.com"), description="HubSpot's API")
    hubspot_api_version: str = Field(
        "2026-03", pattern=r"^\d{4}-\d{2}(-beta)?$", description="HubSpot's dated API version"
    )
    hubspot_token: SecretStr | None = Field(
        None,
        description="Service key or private-app token; makes the account `main` where the rules have no `accounts`",
    )
    hubspot_client_id: str | None = Field(
        None, description="Client id of your HubSpot app, for accounts that join by OAuth"
    )
    hubspot_client_secret: SecretStr | None = Field(None, description="Client secret of your HubSpot app")
    hubspot_optional_scopes: str | None = Field(
        None,
        description="What your app names beside the required scopes: automation settings.users.read, apart by a blank",
    )
    hubspot_developer_key: SecretStr | None = Field(
        None, description="What lets the app's developer in, to register an action for workflows"
    )
    hubspot_app_url: HttpUrl = Field(
        HttpUrl("https://app.hubspot.com"), description="Where HubSpot asks people to connect an account"
    )
    encryption_keys: SecretStr | None = Field(
        None,
        description="Fernet keys for OAuth tokens at rest, comma-separated, newest first; `segue new-key` makes one",
    )
    install_hours: float = Field(
        24.0, gt=0, le=720, description="For how many hours a link works that connects a HubSpot account by OAuth"
    )
    settle_seconds: float = Field(
        90.0, gt=0, le=86_400, description="Over how many seconds a request without an answer is settled"
    )
    lease_seconds: float = Field(
        15.0, ge=0.5, le=3600, description="After how many seconds a silent worker is replaced"
    )
    drain_seconds: float = Field(20.0, ge=0, le=3600, description="How many seconds work in hand gets at shutdown")
    retry_span_hours: float = Field(
        72.0, gt=0, le=8760, description="For how many hours a failing enrollment is tried again"
    )
    follow_seconds: float = Field(
        300.0, ge=10, le=86_400, description="Seconds between two searches for whose sequence ended, per account"
    )
    follow_calls_per_hour: int = Field(
        120, ge=1, le=3600, description="Calls that following enrollments may cost an account in any hour"
    )
    follow_days: float = Field(
        180.0, gt=0, le=3650, description="For how many days an enrollment is followed that does not end"
    )
    in_flight: int = Field(200, ge=1, le=5000, description="Enrollments in hand at once, per worker")
    rate_window_ms: int = Field(
        10_000, ge=100, le=3_600_000, description="HubSpot's window in milliseconds, until its headers name it"
    )
    rate_headroom: float = Field(0.05, ge=0, lt=1, description="Share of HubSpot's limit that is left unused")
    tokens: Annotated[SecretStr, AfterValidator(_usable_tokens)] | None = Field(
        None,
        description="Operators' tokens, `name role token` each, apart by commas or lines; without any their routes "
        "are closed",
    )
    admin_port: int | None = Field(
        None, ge=0, le=65535, description="Serve `/metrics`, `/-/`, `/api` and `/docs` on this port only"
    )
    trusted_proxies: Networks = Field(
        (),
        description="Networks of proxies before it, apart by commas: their `X-Forwarded-For` and `-Proto` are believed",
    )
    public_url: HttpUrl | None = Field(
        None, description="What senders call, where a proxy hides it: some signatures cover it"
    )
    console_url: Annotated[HttpUrl, AfterValidator(_without_path)] | None = Field(
        None, description="Where browsers reach the console, without `/admin`; without it `SEGUE_PUBLIC_URL` is taken"
    )
    oidc_issuer: Annotated[str, AfterValidator(_usable_issuer)] | None = Field(
        None, description="URL of the OpenID Connect provider by which people sign in to the console"
    )
    oidc_client_id: str | None = Field(None, description="Client id of the console at the provider")
    oidc_client_secret: SecretStr | None = Field(None, description="Client secret of the console at the provider")
    oidc_claim: str = Field(
        "groups", min_length=1, description="Claim of the ID token by which people get their role; a dot leads into it"
    )
    oidc_roles: Annotated[str, AfterValidator(_usable_roles)] | None = Field(
        None, description="`role value` each, apart by commas or lines: which value of the claim has which role"
    )
    console_session_hours: float = Field(
        12.0, gt=0, le=168, description="For how many hours a person stays signed in to the console"
    )
    console_idle_hours: float = Field(
        1.0, gt=0, le=168, description="After how many hours without a request a person is signed out of the console"
    )
    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 for all")
    port: int = Field(8080, ge=0, le=65535, description="Port to listen on; 0 chooses a free one")
    max_body_bytes: int = Field(
        1_048_576, ge=1024, le=67_108_864, description="Largest delivery in bytes; a larger one gets 413"
    )
    connections: int = Field(
        1000,
        ge=10,
        le=100_000,
        description="Connections of senders at once, per web process; beyond, slow ones get 503",
    )
    queue_limit: int = Field(
        10_000, ge=1, le=1_000_000, description="Deliveries that may wait for their commit; one more gets 503"
    )
    endpoint_networks: Networks = Field(
        (), description="Private networks that `endpoints` may stand in, `10.0.0.0/8, 127.0.0.1`; else public addresses"
    )
    retention_days: float = Field(30.0, gt=0, le=36_500, description="For how many days payloads are kept")
    dedupe_days: float = Field(
        30.0, ge=MINIMUM_DEDUPE_DAYS, le=36_500, description="For how many days duplicates are known, at least 7"
    )
    audit_days: float | None = Field(
        None, ge=400, le=36_500, description="For how many days the audit log is kept, at least 400; for good without"
    )
    history_days: float = Field(
        400.0,
        ge=0,
        le=36_500,
        description="For how many days final enrollments, decisions and events are kept; 0: for ever",
    )
    log_format: Literal["auto", "console", "json"] = Field(
        "auto", description="`auto` is console on a terminal, else JSON"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="What is logged")

    @property
    def hubspot_url(self) -> str:
        """HubSpot's API, without a slash at the end."""
        return str(self.hubspot_base_url).rstrip("/")

    @property
    def senders_url(self) -> str | None:
        """What senders call, without a slash at the end; None where it is not set."""
        return str(self.public_url).rstrip("/") if self.public_url else None

    @property
    def missing_for_oauth(self) -> list[str]:
        """The variables that joining by OAuth needs and that are not set."""
        needed = ("hubspot_client_id", "hubspot_client_secret", "public_url", "encryption_keys")
        return [f"{PREFIX}{name.upper()}" for name in needed if getattr(self, name) is None]

    @property
    def missing_for_oidc(self) -> list[str]:
        """The variables that signing in by OpenID Connect needs and that are not set."""
        names = [f"oidc_{name}" for name in ("issuer", "client_id", "client_secret", "roles")]
        missing = [f"{PREFIX}{name.upper()}" for name in names if getattr(self, name) is None]
        known = self.console_url or (self.public_url and self.admin_port is None)
        return missing if known else [*missing, f"{PREFIX}CONSOLE_URL"]

    @classmethod
    def settings_customise_sources(cls, *_: Any, **sources: Any) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what is passed in and nothing else: the environment is an argument, not a global."""
        return (sources["init_settings"],)


def _is_secret(annotation: Any) -> bool:
    return annotation is SecretStr or any(_is_secret(part) for part in get_args(annotation))


# The settings that may come from a file: `SEGUE_<NAME>_FILE` names it.
SECRETS = tuple(sorted(name.upper() for name, field in Settings.model_fields.items() if _is_secret(field.annotation)))


def load_settings(environment: Mapping[str, str]) -> Settings:
    """Return the settings that `environment` holds. Raises StartError with all problems at once, without values."""
    problems: list[str] = []
    values = _values(environment, problems)
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        problems += [_message(detail) for detail in error.errors(include_input=False, include_url=False)]
        settings = None
    if problems or settings is None:
        raise StartError("\n".join(["the settings cannot be used:", *(f"  {problem}" for problem in problems)]))
    return settings


def _values(environment: Mapping[str, str], problems: list[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for name, value in environment.items():
        if not name.startswith(PREFIX) or not value:
            continue
        short = name.removeprefix(PREFIX)
        if short.endswith(FILE) and short.removesuffix(FILE) in SECRETS:
            _read_secret(short.removesuffix(FILE), environment, values, problems)
        elif short.lower() in Settings.model_fields:
            values[short.lower()] = value
        else:
            problems.append(_unknown(name))
    return values


def _read_secret(short: str, environment: Mapping[str, str], values: dict[str, str], problems: list[str]) -> None:
    try:
        values[short.lower()] = variable(f"{PREFIX}{short}", environment) or ""
    except VariableError as error:
        problems.append(str(error))


def _unknown(name: str) -> str:
    known = [field.upper() for field in Settings.model_fields] + [f"{secret}{FILE}" for secret in SECRETS]
    # Without the prefix: all names share it, and would seem near to each other.
    close = difflib.get_close_matches(name.removeprefix(PREFIX), known, n=1, cutoff=NEAR)
    hint = f"did you mean {PREFIX}{close[0]}?" if close else "see docs/settings.md"
    return f"{name}: there is no such setting; {hint}"


def _message(detail: Any) -> str:
    name = PREFIX + "_".join(str(part) for part in detail["loc"][:1]).upper()
    message = re.sub(r"^[A-Z]\w* should ", "must ", str(detail["msg"]).removeprefix("Value error, "))
    return f"{name}: {message}; see docs/settings.md"
