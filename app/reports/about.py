"""What runs here: the settings in force without secrets, and the processes of this service. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from pydantic import SecretStr

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic_settings import BaseSettings

    from app.observability.shared import Slot


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting, by its variable. `given` says that it is set; the value of a `secret` is never shown."""

    name: str
    value: str | None
    given: bool
    secret: bool


@dataclass(frozen=True, slots=True)
class ServiceProcess:
    """One process of this service: what it does, and whether it is at work."""

    name: str
    role: str
    ready: bool


def settings_of(settings: BaseSettings) -> list[Setting]:
    """Return all settings in force by the names of their variables, in alphabetical order."""
    prefix = settings.model_config["env_prefix"]
    return [
        _setting(
            f"{prefix}{name.upper()}", getattr(settings, name), field.annotation, name in settings.model_fields_set
        )
        for name, field in sorted(type(settings).model_fields.items())
    ]


def processes_of(slots: Iterable[Slot]) -> list[ServiceProcess]:
    """Return the processes of this service. Other replicas are services of their own, and leave no row."""
    return [ServiceProcess(slot.name, slot.role, ready=slot.ready) for slot in slots]


def _setting(name: str, value: Any, annotation: Any, given: bool) -> Setting:  # noqa: FBT001  # its name says what it is
    secret = "SecretStr" in str(annotation) or isinstance(value, SecretStr)
    return Setting(name, None if secret or value is None else _shown(value), given=given, secret=secret)


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    text = str(value)
    parts = urlsplit(text)
    # A URL may have been given with a password in it.
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])) if parts.netloc else text
