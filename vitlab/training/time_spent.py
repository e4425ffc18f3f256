"""Where the time of a phase goes."""

import contextlib
import time
from collections.abc import Iterator
from typing import Literal

Activity = Literal["preparing", "compiling", "waiting", "stepping", "evaluating", "saving"]


class TimeSpent:
    """Seconds by activity. What is done within another activity is not counted for that one too.

    "preparing" is before the first step: embeddings, images onto the device; "compiling" the state and
    the first step, which are compiled and run; "waiting" for data; "stepping" the other batches.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._under_way: list[Activity] = []
        self._since = 0.0

    @contextlib.contextmanager
    def on(self, activity: Activity) -> Iterator[None]:
        self._count()
        self._under_way.append(activity)
        try:
            yield
        finally:
            self._count()
            self._under_way.pop()

    def _count(self) -> None:
        now = time.monotonic()
        if self._under_way:
            activity = self._under_way[-1]
            self.seconds[activity] = self.seconds.get(activity, 0.0) + now - self._since
        self._since = now
