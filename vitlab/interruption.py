"""SIGTERM while there is something to save: asked for once, the work stops where it can go on."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any


@contextlib.contextmanager
def deferred() -> Iterator[Callable[[], bool]]:
    """Within it, SIGTERM ends nothing; the given function says whether it has come.

    A second one does what it does elsewhere. Only a process's main thread hears signals: in another,
    nothing changes.
    """
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return

    def listen(*_: Any) -> None:
        if asked.is_set():
            signal.signal(signal.SIGTERM, before)
            signal.raise_signal(signal.SIGTERM)
        asked.set()

    before = signal.signal(signal.SIGTERM, listen)
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGTERM, before)
