"""The keys of a source beside `provider` and `secrets`: strict models, of which most providers use one of these."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, field_validator

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app.model import SourceConfig

HeaderName = Annotated[str, StringConstraints(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")]
Model = TypeVar("Model", bound=BaseModel)


class StrictOptions(BaseModel):
    """A source's own keys: an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class TimedOptions(StrictOptions):
    """Keys of a source whose signature covers a timestamp."""

    tolerance: int | None = Field(
        default=None,
        ge=1,
        le=86_400,
        description="How many seconds a signed timestamp may be off; the provider's own figure when not set.",
    )


class HeaderOptions(StrictOptions):
    """Keys of a source whose secret stands in a header that its user names."""

    header: HeaderName | None = Field(
        default=None, description="The header that carries the secret, as it is set at the sender."
    )


class TokenOptions(StrictOptions):
    """Keys of a source whose tool is asked for what an event does not carry."""

    api_token: SecretStr | None = Field(
        default=None, description="A key of the tool's API, by which it is asked for the person of an event."
    )

    @field_validator("api_token")
    @classmethod
    def _fits_a_header(cls, token: SecretStr | None) -> SecretStr | None:
        value = token.get_secret_value() if token else "-"
        if not (value.isascii() and value.isprintable() and value.strip() == value):
            raise ValueError("a token is printable ASCII without spaces around it")
        return token


def token_of(config: SourceConfig) -> str | None:
    """Return the source's `api_token`, None where it has none."""
    token = options_of(config, TokenOptions).api_token
    return token.get_secret_value() if token else None


def options_of(config: SourceConfig, model: type[Model]) -> Model:
    """Return the source's options; the defaults of `model` where they are of another model."""
    return config.options if isinstance(config.options, model) else model()


def secret_keys(models: Iterable[type[BaseModel]]) -> frozenset[str]:
    """Return the names of the keys of these models whose values are secrets."""
    fields = (item for model in models for item in model.model_fields.items())
    return frozenset(field.alias or name for name, field in fields if _is_secret(field.annotation))


def _is_secret(annotation: Any) -> bool:
    return annotation is SecretStr or any(_is_secret(part) for part in get_args(annotation))
