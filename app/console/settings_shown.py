"""The settings in force, as a page may show them: no secret, no password in a URL, no address. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from pydantic import SecretStr

from app.masking import masked_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic_settings import BaseSettings

SET, NOT_SET = "set, and not shown", "not set"
_USERINFO = re.compile(r"://[^/@\s]*@")


@dataclass(frozen=True, slots=True)
class Shown:
    """One setting by its variable. `chosen` says that its value is not the one that it has by itself."""

    variable: str
    value: str
    what: str
    chosen: bool


def settings_shown(settings: BaseSettings) -> tuple[Shown, ...]:
    """Return all settings, by name."""
    return tuple(_shown(settings, name) for name in sorted(type(settings).model_fields))


def chosen(shown: Iterable[Shown]) -> tuple[Shown, ...]:
    """Return those that have another value than by themselves."""
    return tuple(one for one in shown if one.chosen)


def _shown(settings: BaseSettings, name: str) -> Shown:
    field, value = type(settings).model_fields[name], getattr(settings, name)
    written = _secret(value) if _is_secret(field.annotation) else _written(value)
    changed = value != field.get_default(call_default_factory=True)
    prefix = type(settings).model_config.get("env_prefix", "")
    return Shown(f"{prefix}{name.upper()}", written, (field.description or "").replace("`", ""), changed)


def _is_secret(annotation: Any) -> bool:
    return annotation is SecretStr or any(_is_secret(part) for part in get_args(annotation))


def _secret(value: Any) -> str:
    return NOT_SET if value is None else SET


def _written(value: Any) -> str:
    if value is None or value == ():
        return NOT_SET
    if isinstance(value, tuple):
        return ", ".join(map(_written, value))
    if isinstance(value, float):
        return f"{value:g}"
    return masked_text(_USERINFO.sub("://", str(value)))
