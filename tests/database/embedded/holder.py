"""A process of its own that holds a data directory: it opens it, prints the URL, and closes it when its input ends.

    holder.py DATA_DIR [user id to become] [largest file it may write, bytes]

It prints the message of a StartError instead of the URL and exits with its code.
"""

import os
import resource
import signal
import sys
from pathlib import Path

from app.database.embedded import EmbeddedPostgres
from app.errors import StartError


def become(uid: int) -> None:
    """Become another user, after the imports: that user may be unable to read the interpreter's library."""
    if uid != os.geteuid():
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)


def main(data_dir: str, uid: str = str(os.geteuid()), largest: str = "") -> None:
    """Open, print, wait, close."""
    # A shell that runs the tests in the background hands SIGINT down as ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    become(int(uid))
    if largest:
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(largest), int(largest)))
    try:
        held = EmbeddedPostgres.open(Path(data_dir))
    except StartError as error:
        print(error, flush=True)  # noqa: T201  # this is how the test hears of it
        sys.exit(error.exit_code)
    print(held.url, flush=True)  # noqa: T201  # this is how the test hears of it
    sys.stdin.read()
    held.close()


main(*sys.argv[1:])
