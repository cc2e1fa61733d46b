"""Senders are assigned on the road from the commit to HubSpot."""

from tests.support.road import road

__all__ = ["road"]
