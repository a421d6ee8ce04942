"""Says on standard error that a command still waits, once that takes longer than two seconds."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

FIRST_SECONDS = 2.0
_EVERY_SECONDS = 10.0


@contextmanager
def waiting(for_what: str, *, first_seconds: float = FIRST_SECONDS) -> Iterator[None]:
    """Prints a line after `first_seconds`, and another one every ten seconds."""
    done = threading.Event()

    def speak() -> None:
        pause, waited = first_seconds, 0.0
        while not done.wait(pause):
            waited += pause
            print(f"Waiting for {for_what}: {waited:.0f} s", file=sys.stderr, flush=True)
            pause = _EVERY_SECONDS

    speaker = threading.Thread(target=speak, daemon=True)
    speaker.start()
    try:
        yield
    finally:
        done.set()
        speaker.join()
