"""What tests of enrollments use: rows in a real PostgreSQL, and the road from the commit to HubSpot."""

from tests.support.enrollments import accept
from tests.support.road import road

__all__ = ["accept", "road"]
