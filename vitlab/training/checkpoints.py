"""Everything that going on needs, saved by Orbax: arrays, and the position in the run as JSON."""

import contextlib
import os
import shutil
import time
from pathlib import Path
from typing import Any

import jax
import orbax.checkpoint as ocp

from vitlab.errors import InputError
from vitlab.files import write_error

SHARE_OF_TIME = 20  # a save may start once the last one took at most 1/20 of the time since
MARGIN = 2**20  # bytes that a checkpoint takes beside its arrays, or less


class Checkpoints:
    """The newest checkpoint of a phase; it holds the best weights beside the current ones.

    One checkpoint that holds both cannot lose the best by keeping the newest. Orbax writes beside
    the old one and renames, so a process killed while saving leaves the old one whole.
    """

    def __init__(self, folder: Path, every_seconds: float):
        options = ocp.CheckpointManagerOptions(
            max_to_keep=1, enable_async_checkpointing=False, cleanup_tmp_directories=True
        )
        self._folder = folder
        self._manager = ocp.CheckpointManager(
            folder.absolute(), item_names=("arrays", "position"), options=options
        )
        self._every_seconds = every_seconds
        self._last_end = time.monotonic()
        self._last_duration = 0.0

    def restore(self, template: Any) -> tuple[Any, dict[str, Any]] | None:
        """The arrays, placed as those of `template` are, and the position; None at a new start."""
        number = self._manager.latest_step()
        if number is None:
            return None
        shapes = jax.tree.map(ocp.utils.to_shape_dtype_struct, template)
        try:
            found = self._manager.restore(
                number,
                args=ocp.args.Composite(
                    arrays=ocp.args.StandardRestore(shapes), position=ocp.args.JsonRestore()
                ),
            )
        except (ValueError, KeyError, OSError) as error:
            raise InputError(
                f"the checkpoint {self._folder / str(number)} cannot be read "
                f"({str(error).splitlines()[0]}); delete it to train this phase from its start"
            ) from error
        return found["arrays"], found["position"]

    @property
    def newest(self) -> Path | None:
        """The folder of the newest whole checkpoint."""
        number = self._manager.latest_step()
        return None if number is None else self._folder / str(number)

    def is_due(self) -> bool:
        waited = time.monotonic() - self._last_end
        return waited >= max(self._every_seconds, SHARE_OF_TIME * self._last_duration)

    def save(self, arrays: Any, position: dict[str, Any]) -> None:
        """Returns when the checkpoint is whole on the disk.

        Raises:
            InputError: it cannot be written; the one before is untouched.
        """
        started = time.monotonic()
        number = (self._manager.latest_step() or 0) + 1
        self._check_space(arrays)
        try:
            self._manager.save(
                number,
                args=ocp.args.Composite(
                    arrays=ocp.args.StandardSave(arrays), position=ocp.args.JsonSave(position)
                ),
            )
        except (OSError, ValueError) as error:
            raise InputError(
                f"cannot write the checkpoint {self._folder / str(number)} "
                f"({str(error).splitlines()[0]}); free some space and run the same command again"
            ) from error
        self._last_end = time.monotonic()
        self._last_duration = self._last_end - started

    def _check_space(self, arrays: Any) -> None:
        """The space is asked for before Orbax writes, whose own report of a full disk, of a quota
        or of a limit on files is a thousand lines."""
        needed = MARGIN + sum(array.nbytes for array in jax.tree.leaves(arrays))
        free = shutil.disk_usage(self._folder).free
        if free < needed:
            raise InputError(
                f"a checkpoint needs {needed / 1e6:.1f} MB and {self._folder} has {free / 1e6:.1f} MB "
                "left; free some space and run the same command again"
            )
        if not hasattr(os, "posix_fallocate"):  # macOS
            return
        probe = self._folder / ".space"
        try:
            with open(probe, "wb") as file:
                os.posix_fallocate(file.fileno(), 0, needed)
        except OSError as error:
            raise write_error(self._folder, error) from error
        finally:
            with contextlib.suppress(OSError):
                probe.unlink(missing_ok=True)

    def close(self) -> None:
        self._manager.close()
