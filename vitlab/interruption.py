"""SIGTERM and a terminal that closes, while there is something to save: a stop where one can go on."""

import contextlib
import os
import signal
import stat
import threading
from collections.abc import Callable, Iterator
from typing import Any

_NAMES = ("SIGTERM", "SIGHUP")  # Windows has no SIGHUP


def on_stop(handler: Callable[..., Any]) -> dict[signal.Signals, Any]:
    """Calls `handler` when the process is asked to stop, and gives the handlers before it.

    What is ignored (by `nohup`) stays so.
    """
    numbers = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    listening = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
    return {number: signal.signal(number, handler) for number in listening}


def leave_terminal() -> None:
    """What is written from now on goes nowhere if it went to a terminal, which is gone."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for output in (1, 2):
        with contextlib.suppress(OSError):
            if stat.S_ISCHR(os.fstat(output).st_mode):
                os.dup2(nowhere, output)
    os.close(nowhere)


@contextlib.contextmanager
def deferred() -> Iterator[Callable[[], bool]]:
    """Within it, those signals end nothing; the given function says whether one has come.

    A second one does what it does elsewhere. Only a process's main thread hears signals: in another,
    nothing changes.
    """
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return

    def listen(number: int, _: Any) -> None:
        if asked.is_set():
            signal.signal(number, before[signal.Signals(number)])
            signal.raise_signal(number)
        elif number != signal.SIGTERM:
            leave_terminal()
        asked.set()

    before = on_stop(listen)
    try:
        yield asked.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
