"""What is being done now, and by whom: known to the stores below without being passed through every call."""

from __future__ import annotations

import os
import pwd
import socket
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.audit.once import Once

CLI, SYSTEM, BROWSER, STRANGER = "cli", "system", "browser", "stranger"


@dataclass(slots=True)
class Act:
    """One request of an operator, one command, or one start of the service.

    `who` is a token's name, `cli`, `system`, `browser` (a person with an install link) or `stranger` (no right token);
    of the console's people also `link:` with a name, or `oidc:` with a hash.
    `origin` is the client's address, or the user and the machine of a command. `what` is a route or a command, `target`
    what it is about, `revision` that of the rules in force. `reason` is why, in the words of the person who acts.
    `noted` says that a change of it has been written. `once` is the form that asks for it, which is good once.
    """

    who: str
    role: str | None
    origin: str
    what: str
    target: str | None = None
    revision: str | None = None
    reason: str | None = None
    once: Once | None = None
    noted: bool = field(default=False)


_current: ContextVar[Act | None] = ContextVar("act", default=None)


@contextmanager
def acting(act: Act) -> Iterator[Act]:
    """Do what follows as part of `act`."""
    token = _current.set(act)
    try:
        yield act
    finally:
        _current.reset(token)


def system_act(what: str) -> Act:
    """Return an act of the service itself."""
    return Act(SYSTEM, None, socket.gethostname(), what)


def command_act(command: str) -> Act:
    """Return an act of a command: by the user of this machine who runs it."""
    try:
        user = pwd.getpwuid(os.getuid()).pw_name  # not a variable of the environment: anyone may set one
    except KeyError:  # a container may run as a number that has no name
        user = str(os.getuid())
    return Act(CLI, None, f"{user} on {socket.gethostname()}", f"segue {command}")


def current() -> Act | None:
    """Return what is being done, None where the service works on its own."""
    return _current.get()


def who() -> str:
    """Return the name of who acts: the service itself where neither a request nor a command does."""
    act = _current.get()
    return SYSTEM if act is None else act.who


def about(target: str) -> None:
    """Say what the present act is about, as soon as that is known."""
    if (act := _current.get()) is not None:
        act.target = target


def because(reason: str | None) -> None:
    """Say why the present act is done, in the words of the person who acts; a blank reason is none."""
    if (act := _current.get()) is not None:
        act.reason = (reason or "").strip() or None


def has_noted() -> bool:
    """Return whether a change of the present act has been written."""
    act = _current.get()
    return act is not None and act.noted


def forget_notes() -> None:
    """Say that what the present act noted has been rolled back."""
    if (act := _current.get()) is not None:
        act.noted = False
