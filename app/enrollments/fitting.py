"""The properties of an enrollment as HubSpot takes them, by their definitions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.errors import PropertyNotTaken
from app.hubspot.properties import AGAIN_SECONDS
from app.hubspot.property_values import FittedProperties, fit_all

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import tzinfo

    from app.hubspot.properties import PropertyDefinitions
    from app.model import PropertyValue


class PropertyFitter:
    """Fits values to the definitions of one account; `zone` returns the account's clock."""

    def __init__(self, definitions: PropertyDefinitions, zone: Callable[[], tzinfo]) -> None:
        self._definitions = definitions
        self._zone = zone

    async def fit(self, properties: Mapping[str, PropertyValue]) -> FittedProperties:
        """Return what is written, and why other values are not.

        Raises PropertyNotTaken where a property must be corrected first, and what `PropertyDefinitions` raises. An
        operator who has corrected one in HubSpot need not wait: what does not fit is fitted to fresh definitions.
        """
        if not properties:
            return FittedProperties()
        fitted = fit_all(properties, await self._definitions.current(), self._zone())
        if fitted.misfits or fitted.unlisted:
            fitted = fit_all(properties, await self._definitions.current(oldest=AGAIN_SECONDS), self._zone())
        _require_taken(fitted)
        return fitted

    async def fit_defaults(self, defaults: Mapping[str, PropertyValue]) -> dict[str, str]:
        """Return defaults of required properties as they are written: none of them may be left out.

        Raises as `fit` does, and PropertyNotTaken for a default that does not fit.
        """
        fitted = await self.fit(defaults)
        if fitted.misfits:
            raise PropertyNotTaken("PROPERTY_DATA_IS_INVALID", describe(fitted))
        return fitted.written


def describe(fitted: FittedProperties) -> str:
    """Say which properties are not written, and why."""
    return "; ".join(f"{name} was not written: {misfit.problem}" for name, misfit in fitted.misfits.items())


def _require_taken(fitted: FittedProperties) -> None:
    wrong = {name: misfit for name, misfit in fitted.misfits.items() if misfit.code is not None}
    if wrong:
        problems = "; ".join(f"property {name}: {misfit.problem}" for name, misfit in wrong.items())
        code = next(iter(wrong.values())).code or ""
        raise PropertyNotTaken(code, f"{problems} ({code})")
