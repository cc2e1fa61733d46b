"""Open the private database that the settings ask for, in a thread, while the rest of the program is imported.

A first start takes most of a second to make the database, and the imports take as long.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

from app.database.embedded.supervisor import EmbeddedPostgres

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from app.settings import Settings


def data_dir(settings: Settings, *, practice: bool) -> Path:
    """Return the folder of the private database; practice has its own one unless the operator names a folder."""
    folder, named = settings.data_dir, "data_dir" in settings.model_fields_set
    return folder.with_name(f"{folder.name}-practice") if practice and not named else folder


@contextmanager
def opening(settings: Settings, *, practice: bool) -> Iterator[Callable[[], EmbeddedPostgres | None]]:
    """Begin to open the private database, and close it when the block ends.

    The block gets what waits for it: it returns None where the operator names a database, and raises StartError.
    """
    if settings.database_url is not None:
        yield lambda: None
        return
    thread = ThreadPoolExecutor(1, "database")
    opened = thread.submit(EmbeddedPostgres.open, data_dir(settings, practice=practice))
    thread.shutdown(wait=False)  # It ends with this one task: a process with threads must not fork.
    try:
        yield opened.result
    finally:
        if opened.exception() is None:
            opened.result().close()
