"""A database with a calm, realistic week in it, the same each time for the same `now`: for pictures and for browsers.

Names and addresses are made up. `fill` writes it; the rules that it was decided by are `RULES`, with `SECRETS`.
"""

from tests.support.console_data.fill import fill
from tests.support.console_data.rules import RULES, SECRETS

__all__ = ["RULES", "SECRETS", "fill"]
