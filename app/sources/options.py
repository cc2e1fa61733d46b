"""The keys of a source beside `provider` and `secrets`: strict models, of which most providers use one of these."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

if TYPE_CHECKING:
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


def options_of(config: SourceConfig, model: type[Model]) -> Model:
    """Return the source's options; the defaults of `model` where they are of another model."""
    return config.options if isinstance(config.options, model) else model()
