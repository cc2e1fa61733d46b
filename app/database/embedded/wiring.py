"""Open the private database that the settings ask for, in a thread, while the rest of the program is imported.

A first start takes most of a second to make the database, and the imports take as long.
"""

from __future__ import annotations

import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

from app.database.embedded.supervisor import EmbeddedPostgres

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import FrameType

    from app.settings import Settings


def data_dir(settings: Settings, *, practice: bool) -> Path:
    """Return the folder of the private database; practice has its own one unless the operator names a folder."""
    folder, named = settings.data_dir, "data_dir" in settings.model_fields_set
    return folder.with_name(f"{folder.name}-practice") if practice and not named else folder


@contextmanager
def opening(settings: Settings, *, practice: bool) -> Iterator[Callable[[], EmbeddedPostgres | None]]:
    """Begin to open the private database, and close it when the block ends, also where SIGTERM ends it.

    The block gets what waits for it: it returns None where the operator names a database, and raises StartError.
    """
    if settings.database_url is not None:
        yield lambda: None
        return
    before = signal.signal(signal.SIGTERM, _end)
    thread = ThreadPoolExecutor(1, "database")
    opened = thread.submit(EmbeddedPostgres.open, data_dir(settings, practice=practice))
    thread.shutdown(wait=False)  # It ends with this one task: a process with threads must not fork.
    try:
        yield opened.result
    finally:
        # A second one would leave the server behind. A program that is run meanwhile does not inherit this, unlike
        # SIG_IGN.
        signal.signal(signal.SIGTERM, lambda *_: None)
        try:
            if opened.exception() is None:
                opened.result().close()
        finally:
            signal.signal(signal.SIGTERM, before)


def _end(number: int, _: FrameType | None) -> NoReturn:
    """End the program as SIGTERM does by itself, but close what is open."""
    sys.exit(128 + number)
