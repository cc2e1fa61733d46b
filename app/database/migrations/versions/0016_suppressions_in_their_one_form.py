"""Patterns of the suppression list have the form that addresses have: NFC, domains in ASCII

Before, a pattern with letters beyond ASCII in its domain was kept as it was written, and held nobody. One that has no
such form (a star beside such letters) is left: the list shows it, and it is taken out as it stands there.

Revision: 0016, after 0015
"""

import sqlalchemy as sa
from alembic import op

from app.people.suppression import read

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

BEYOND_ASCII = sa.text("SELECT value FROM suppressions WHERE kind = 'pattern' AND octet_length(value) > length(value)")
COPY = sa.text(r"""
    INSERT INTO suppressions (kind, value, fits, reason, created_at)
    SELECT kind, :form, regexp_replace(regexp_replace(:form, '([\\%_])', '\\\1', 'g'), '\*+', '%', 'g'), reason, created_at
    FROM suppressions WHERE value = :value
    ON CONFLICT (value) DO NOTHING
""")
REMOVE = sa.text("DELETE FROM suppressions WHERE value = :value")


def upgrade() -> None:
    connection = op.get_bind()
    for (value,) in connection.execute(BEYOND_ASCII).all():
        form = _one_form(value)
        if form != value:
            connection.execute(COPY, {"value": value, "form": form})
            connection.execute(REMOVE, {"value": value})


def downgrade() -> None:
    """The one form is right for the version before, too."""


def _one_form(value: str) -> str:
    try:
        return read(value).value
    except ValueError:
        return value
