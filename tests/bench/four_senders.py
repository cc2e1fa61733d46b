"""`python -m tests.bench.four_senders`: the sandbox, with two more users who can send."""

from __future__ import annotations

from app.sandbox import __main__ as sandbox
from app.sandbox.state import account
from app.sandbox.state.seed import USERS, User

MORE = (User("7005", "90215", "eve@acme.example", "Eve"), User("7006", "90216", "finn@acme.example", "Finn"))

if __name__ == "__main__":
    # An account reads its users when it is made.
    vars(account)["USERS"] = (*USERS, *MORE)
    sandbox.main()
