"""Addresses without what is not seen

Revision: 0027, after 0026. Addresses used to keep zero-width and other characters that are not seen. Entries of the
suppression list are written anew without them, and each intent holds for the address without them, too: an entry and an
intent go on holding the person whom they were stored for.
"""

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

# Unicode's Default_Ignorable_Code_Point, as in app/people/invisible.py when this was written.
NOT_SEEN = (
    r"[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    r"\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
SUPPRESSIONS = f"""
    INSERT INTO suppressions (value, kind, fits, reason, created_at)
    SELECT regexp_replace(value, '{NOT_SEEN}', '', 'g'), kind, regexp_replace(fits, '{NOT_SEEN}', '', 'g'),
           reason, created_at
    FROM suppressions WHERE value ~ '{NOT_SEEN}'
    ON CONFLICT (value) DO NOTHING
"""  # noqa: S608  # a constant of this module
INTENTS = f"""
    INSERT INTO intents AS held (account, intent, email, enrollment_id, until)
    SELECT DISTINCT ON (account, intent, seen) account, intent, seen, enrollment_id, until
    FROM (SELECT *, regexp_replace(email, '{NOT_SEEN}', '', 'g') AS seen FROM intents) AS former WHERE email <> seen
    ORDER BY account, intent, seen, until DESC
    ON CONFLICT (account, intent, email) DO UPDATE SET enrollment_id = excluded.enrollment_id, until = excluded.until
    WHERE held.until < excluded.until
"""  # noqa: S608  # a constant of this module


def upgrade() -> None:
    op.execute(SUPPRESSIONS)
    op.execute(f"DELETE FROM suppressions WHERE value ~ '{NOT_SEEN}'")  # noqa: S608  # a constant of this module
    op.execute(INTENTS)


def downgrade() -> None:
    """Nothing to take back: the older version reads these addresses, too."""
