"""The processes of one job, on one machine or on many: how they find each other and agree.

All of them train the same network on the same batches, each with its own devices. The first one alone
writes the run directory and speaks. Importing this module imports no JAX; `join` does, where there are
several.
"""

import contextlib
import importlib.util
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np

from vitlab.errors import InputError

JOIN_SECONDS = 300  # so long a process waits for the others
LEAVE_SECONDS = 10  # so long one that ends waits for others that may end for the same reason
LOOK_SECONDS = 10  # so long a file of another machine may take until it is seen

_SLURM = ("SLURM_JOB_ID", "SLURM_STEP_NODELIST", "SLURM_NTASKS", "SLURM_PROCID", "SLURM_LOCALID")

_REFUSED = 2  # what the first process says where a folder is not to be entered, beside 0 and 1

_count, _index = 1, 0


def join(coordinator: str = "", count: int = 0, index: int = -1) -> None:
    """Makes this process one of several, if it is: by the given numbers, or found out by itself.

    The tasks of a SLURM step find each other, and so do the hosts of a TPU pod.

    Args:
        coordinator: HOST:PORT of the first process, at which all of them meet.
        count: how many there are.
        index: which of them this one is, from 0.

    Raises:
        InputError: the numbers cannot be, or the others did not come.
    """
    global _count, _index
    if coordinator or count or index >= 0:
        _check(coordinator, count, index)
        how: dict[str, Any] = {
            "coordinator_address": coordinator,
            "num_processes": count,
            "process_id": index,
        }
    elif all(name in os.environ for name in _SLURM) and os.environ["SLURM_NTASKS"] != "1":
        how = dict(cluster_detection_method="slurm")
    elif _is_tpu_machine():
        how = {}
    else:
        return

    import jax

    try:
        jax.distributed.initialize(
            initialization_timeout=JOIN_SECONDS, shutdown_timeout_seconds=LEAVE_SECONDS, **how
        )
    except (RuntimeError, ValueError) as error:
        raise InputError(
            f"the processes of this job did not find each other ({str(error).splitlines()[0]}); start "
            "the same command on every machine, with --coordinator, --processes and --process where "
            "neither SLURM nor a TPU pod tells them"
        ) from error
    _count, _index = jax.process_count(), jax.process_index()


def leave() -> None:
    """Takes this process out of the job, together with others that leave now; who stays is ended."""
    import jax

    with contextlib.suppress(RuntimeError):  # nobody came along
        jax.distributed.shutdown()


def are_several() -> bool:
    return _count > 1


def is_first() -> bool:
    """Whether this is the process that writes and speaks."""
    return _index == 0


def agreed(value: bool) -> bool:
    """What the first process says. All of them must ask."""
    return bool(_told(int(value))) if are_several() else value


def any_of(*values: bool) -> tuple[bool, ...]:
    """Each of the values, true if it is true in one of the processes. All of them must ask."""
    if not are_several():
        return values
    from jax.experimental import multihost_utils

    rows = multihost_utils.process_allgather(np.array(values, np.int32))
    return tuple(bool(found) for found in np.max(rows, axis=0))


def wait_for_all(what: str) -> None:
    """Returns when every process has come here, to the same `what`."""
    if are_several():
        from jax.experimental import multihost_utils

        multihost_utils.sync_global_devices(what)


def check_same(what: str, fingerprint: str) -> None:
    """Raises InputError if `fingerprint`, of hexadecimal digits, differs between the processes."""
    if not are_several():
        return
    first = _told(int(fingerprint[:7], 16))
    if any(any_of(first != int(fingerprint[:7], 16))):
        raise InputError(
            f"{what} differ between the processes of this job; every machine must see the same files"
        )


@contextlib.contextmanager
def entered_by_first(context: AbstractContextManager[bool], folder: Path) -> Iterator[bool]:
    """Enters `context` in the first process alone, which holds `folder` for all; all get its value.

    Raises:
        InputError: another process does not see the folder; or, in the others, the first did not get in.
    """
    if not are_several():
        with context as value:
            yield value
        return
    if not is_first():
        told = _told(0)
        if told == _REFUSED:
            raise InputError("the first process of this job has ended; it says why")
        _check_shared(folder)
        yield bool(told)
        return
    with contextlib.ExitStack() as stack:
        try:
            value = stack.enter_context(context)
        except BaseException:
            _told(_REFUSED)
            raise
        _told(int(value))
        _check_shared(folder)
        yield value


def _check_shared(folder: Path) -> None:
    """A mark that the first process makes must be seen by all."""
    mark = folder / f".shared.{_told(secrets.randbits(31)):08x}.part"
    if is_first():
        mark.touch()
    wait_for_all("mark")
    until = time.monotonic() + LOOK_SECONDS
    while not (seen := mark.exists()) and time.monotonic() < until:
        time.sleep(0.5)
    (missed,) = any_of(not seen)
    if is_first():
        mark.unlink()
    if missed:
        raise InputError(
            f"the processes of this job do not share the folder {folder}: what one writes, another does "
            "not see; put --workdir on storage that all of them have (NFS, Filestore, a mounted bucket)"
        )


def _told(number: int) -> int:
    """What the first process says, up to 2^31."""
    from jax.experimental import multihost_utils

    return int(multihost_utils.broadcast_one_to_all(np.int32(number)))


def _check(coordinator: str, count: int, index: int) -> None:
    if not coordinator or count < 1 or not 0 <= index < count:
        raise InputError(
            f"--coordinator={coordinator} --processes={count} --process={index} name no process: all "
            "three are needed, as in --coordinator=10.0.0.2:8476 --processes=4 --process=0, with "
            "--process from 0 to 3"
        )
    host, _, port = coordinator.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 2**16:
        raise InputError(f"--coordinator={coordinator} is no HOST:PORT, such as 10.0.0.2:8476")


def _is_tpu_machine() -> bool:
    """A Cloud TPU VM, of one host or of many, on which the TPU is to be used."""
    if os.environ.get("JAX_PLATFORMS", "tpu").partition(",")[0] != "tpu":
        return False
    has_device = os.path.exists("/dev/accel0") or os.path.exists("/dev/vfio/0")
    return has_device and importlib.util.find_spec("libtpu") is not None
