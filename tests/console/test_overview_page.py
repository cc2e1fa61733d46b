"""The overview as a page: what needs a person is a matter of today, whatever the period of the figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.console import Browser
    from tests.support.service import Running

# A secret that was wrong five days ago, and has been right since.
MENDED = """
    INSERT INTO tally_counters (hour, source, result, reason, run, n, last_at)
    SELECT date_trunc('hour', now()) - age, 'crm', result, reason, '', n, now() - age
    FROM (VALUES (interval '5 days', 'rejected', 'signature_mismatch', 60), (interval '1 hour', 'accepted', '', 90))
      AS counted(age, result, reason, n)
"""


@pytest.mark.parametrize("period", ["24h", "7d", "30d"])
async def test_a_source_that_was_mended_needs_no_person_whatever_the_period(
    web: Running, viewer: Browser, period: str
) -> None:
    await web.execute(MENDED)
    page = await viewer.json("/overview", period=period)
    crm = next(one for one in page["sources"] if one["name"] == "crm")
    assert (crm["word"], crm["rejected"]) == ("healthy", 0 if period == "24h" else 60)
    assert (page["needs"], page["lead"].partition(":")[0]) == ([], "Nothing needs a person")
