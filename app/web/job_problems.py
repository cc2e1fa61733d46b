"""What is answered where a job cannot be asked for, or moved: for the API, and for the pages of the console."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from app.errors import AlreadyAsked, BulkRefused, FilterRejected, JobNotMovable, MoreThanShown, TooManyForRole
from app.web.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def job_problems() -> Iterator[None]:
    """Raise a Problem for what cannot be asked for, or done with a job."""
    try:
        yield
    except FilterRejected as error:
        raise Problem(422, "invalid-request", str(error)) from error
    except MoreThanShown as error:
        raise Problem(409, "more-than-shown", str(error), count=error.count) from error
    except AlreadyAsked as error:
        raise Problem(409, "already-asked", str(error), job=error.job_id) from error
    except TooManyForRole as error:
        raise Problem(403, "too-many-for-role", str(error)) from error
    except BulkRefused as error:
        raise Problem(409, "not-begun", str(error)) from error
    except JobNotMovable as error:
        raise Problem(409, "wrong-state", str(error)) from error
