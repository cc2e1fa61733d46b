"""The fence of a grant is a number that no other grant ever had, also after the account was disconnected

Revision: 0017, after 0016
"""

from alembic import op
from sqlalchemy.schema import CreateSequence, DropSequence, Sequence

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

# Until here each grant counted up from 1 with every new token, once in half an hour: none of them came this far.
VERSIONS = Sequence("oauth_grant_versions", start=1_000_000)


def upgrade() -> None:
    op.execute(CreateSequence(VERSIONS))


def downgrade() -> None:
    op.execute(DropSequence(VERSIONS))
