"""Threads help a command, and never keep it from ending."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from vitlab.threads import helpers

ROOT = Path(__file__).parent.parent

# What a signal does that arrives between two bytecodes of `submit`: a lock of the pool stays held, and
# its threads wait for it.
COMMAND = """
import os, signal, threading
from vitlab import command
from vitlab.threads import helpers

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have told to ignore it

def main():
    go = threading.Event()
    try:
        with helpers(1) as pool:
            future = pool.submit(go.wait)
            pool._idle_semaphore._cond.acquire()
            go.set()
            future.result()
            os.kill(os.getpid(), signal.{})
    finally:
        print("tidied up")

command.run(main)
"""


@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGINT", 130)])
def test_a_lock_that_a_signal_leaves_held_does_not_keep_a_command_from_ending(name: str, code: int):
    result = subprocess.run(
        [sys.executable, "-c", COMMAND.format(name)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == code
    assert "tidied up" in result.stdout


def wait_for(go: threading.Event, begun: threading.Event) -> bool:
    begun.set()
    return go.wait(60)


def test_an_error_ends_what_waits_in_line_and_is_handed_on():
    begun, go = threading.Event(), threading.Event()
    with pytest.raises(ZeroDivisionError), helpers(1) as pool:
        first = pool.submit(wait_for, go, begun)
        waiting = [pool.submit(pow, 2, 3) for _ in range(10)]
        waiting[-1].add_done_callback(lambda _: go.set())  # once it is cancelled
        begun.wait()
        raise ZeroDivisionError
    assert first.result()
    assert all(future.cancelled() for future in waiting)


def test_without_an_error_all_is_done_at_the_end():
    done: list[int] = []
    with helpers(2) as pool:
        for number in range(100):
            pool.submit(done.append, number)
    assert sorted(done) == list(range(100))
