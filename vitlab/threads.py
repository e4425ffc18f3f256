"""Threads that help a command, and never keep it from ending."""

import contextlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor


@contextlib.contextmanager
def helpers(count: int | None = None) -> Iterator[ThreadPoolExecutor]:
    """A pool of so many threads, or one for each core, which have ended when the block ends.

    Unless a signal ends it: raised between two bytecodes of the pool's own code, its exception can
    leave a lock held for ever, and a thread that waits for that lock would be waited for in vain.
    """
    pool = ThreadPoolExecutor(count or os.cpu_count())
    try:
        yield pool
    except (KeyboardInterrupt, SystemExit):
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    except BaseException:
        pool.shutdown(cancel_futures=True)
        raise
    pool.shutdown()
