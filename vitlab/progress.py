"""What a person sees of long work: a bar on a terminal, plain lines elsewhere.

Where several processes do one job, the first one speaks for all.
"""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

from vitlab import processes
from vitlab.errors import InputError
from vitlab.names import shown

T = TypeVar("T")

HUGE = 1e5  # of a loss that grows without end
QUIET_SECONDS = 10.0  # without a terminal, a line at most this often


def say(*lines: str) -> None:
    """The run's story, on standard output. A line stays one, whatever the names in it hold."""
    if not processes.is_first():
        return
    try:
        tqdm.write("\n".join(shown(line) for line in lines), file=sys.stdout)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise InputError(f"cannot write to standard output: {error.strerror}") from error


def warn(message: str) -> None:
    """One line about what a person should look into, on standard error."""
    if processes.is_first():
        tqdm.write(shown(message), file=sys.stderr)


def track(items: Iterable[T], total: int, title: str, unit: str) -> Iterator[T]:
    """Passes `items` on while it shows how many of `total` are done, at what rate, time left."""
    progress = Progress(total, title, unit)
    for item in items:
        yield item
        progress.advance(1)
    progress.close()


class Progress:
    """Counts `unit`s up to `total`: on a terminal a bar, elsewhere a line now and then."""

    def __init__(self, total: int, title: str, unit: str, done: int = 0):
        self._bar = None
        self._total, self._title, self._unit = total, title, unit
        self._done = done
        self._started, self._start_count = time.monotonic(), done
        self._last_line = self._started
        if sys.stderr.isatty() and processes.is_first():
            self._bar = tqdm(
                total=total, initial=done, desc=title, unit=f" {unit}", leave=False, smoothing=0.1
            )

    def advance(self, count: int, note: str = "") -> None:
        self._done = min(self._done + count, self._total)
        if self._bar is not None:
            if note:
                self._bar.set_postfix_str(note, refresh=False)
            self._bar.update(self._done - self._bar.n)
        elif time.monotonic() - self._last_line > QUIET_SECONDS:
            self._last_line = time.monotonic()
            say(self._line(note))

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()

    def _line(self, note: str) -> str:
        seconds = time.monotonic() - self._started
        rate = (self._done - self._start_count) / seconds
        parts = [
            f"  {self._title}: {self._done} of {self._total} {self._unit}",
            f"{rate:.0f} {self._unit}/s" if rate >= 10 else f"{rate:.2g} {self._unit}/s",
            f"{duration((self._total - self._done) / rate)} left" if rate else "",
            note,
        ]
        return ", ".join(part for part in parts if part)


def score_text(score: float, places: int) -> str:
    """`0.4321`; of a number that would push others out of the line, `1.7e+31`."""
    return f"{score:.{places}f}" if abs(score) < HUGE else f"{score:.1e}"


def duration(seconds: float) -> str:
    """`42 s`, `3 min 5 s`, `2 h 10 min`."""
    if seconds < 59.5:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
