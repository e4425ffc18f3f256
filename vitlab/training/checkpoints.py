"""Everything that going on needs, saved by Orbax: arrays, and the position in the run as JSON."""

import contextlib
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import orbax.checkpoint as ocp

from vitlab import processes
from vitlab.errors import InputError
from vitlab.files import write_error
from vitlab.progress import say

Position = dict[str, Any]  # as JSON has it

KEPT = 2
SHARE_OF_TIME = 20  # a save may start once the last one took at most 1/20 of the time since
MARGIN = 2**20  # bytes that a checkpoint takes beside its arrays, or less


class Checkpoints:
    """The newest checkpoint of a phase, and the one before; each holds the best weights too.

    One checkpoint that holds both cannot lose the best by keeping the newest. Orbax writes beside
    the old ones and renames, so a process killed while saving leaves them whole. Where something else
    damages the newest, the one before takes its place, and the damaged one goes. All processes of a job
    must call each method.
    """

    def __init__(self, folder: Path, every_seconds: float):
        options = ocp.CheckpointManagerOptions(
            max_to_keep=KEPT, enable_async_checkpointing=False, cleanup_tmp_directories=True
        )
        self._folder = folder
        # Compressing takes as long as writing, and weights hardly shrink.
        handlers = {
            "arrays": ocp.PyTreeCheckpointHandler(use_compression=False),
            "position": ocp.JsonCheckpointHandler(),
        }
        self._manager = ocp.CheckpointManager(folder.absolute(), item_handlers=handlers, options=options)
        self._every_seconds = every_seconds
        self._has_asked_for_space = False
        self._last_end = time.monotonic()
        self._last_duration = 0.0

    def restore(self, template_of: Callable[[Position], Any]) -> tuple[Any, Position] | None:
        """The arrays and the position; None at a new start.

        `template_of` says which arrays a checkpoint at a position holds, and how they are placed.

        Raises:
            InputError: none can be read, or it is of other arrays than its template.
        """
        numbers = sorted(self._manager.all_steps(), reverse=True)
        damage = ""
        for number in numbers:
            folder = self._folder / str(number)
            template = None
            try:
                position = self._read(number, position=ocp.args.JsonRestore())
                template = template_of(position)
                shapes = jax.tree.map(ocp.utils.to_shape_dtype_struct, template)
                placed = ocp.checkpoint_utils.construct_restore_args(shapes)
                arrays = self._read(number, arrays=ocp.args.PyTreeRestore(shapes, restore_args=placed))
            except Exception as error:  # Orbax raises it bare where a piece of an array is missing
                if template is not None:
                    self._check_shapes(number, template)
                damage = damage or f"the checkpoint {folder} cannot be read ({_first_line(error)})"
                if processes.are_several():  # they cannot know what the others could read
                    raise InputError(
                        f"{damage}; if it is damaged, delete it, and the same commands go on from the "
                        "one before it"
                    ) from error
                continue
            if damage:
                say(f"warning: {damage}; the one before it, {number}, is taken")
                for later in numbers[: numbers.index(number)]:
                    self._manager.delete(later)
            return arrays, position
        if damage:
            raise InputError(f"{damage}; delete {self._folder} to train this phase from its start")
        return None

    def _read(self, number: int, **item: Any) -> Any:
        """One item of a checkpoint, by what Orbax is to do with it."""
        (name,) = item
        return self._manager.restore(number, args=ocp.args.Composite(**item))[name]

    def _check_shapes(self, number: int, template: Any) -> None:
        """Raises InputError if the checkpoint is whole, and of another model or another optimizer."""
        folder = self._folder / str(number) / "arrays"
        try:
            with ocp.StandardCheckpointer() as reader:
                metadata = reader.metadata(folder.absolute()).item_metadata
            there = _shapes(metadata.tree if hasattr(metadata, "tree") else metadata)
        except (ValueError, KeyError, TypeError, OSError):  # damaged as well
            return
        here = _shapes(template)
        names = [name for name in {**here, **there} if here.get(name) != there.get(name)]
        if there and names:
            shown = [f"{name} is {there.get(name)} there and {here.get(name)} here" for name in names]
            more = f" and {len(shown) - 3} more" if len(shown) > 3 else ""
            raise InputError(
                f"the checkpoint {folder.parent} is of another model: {'; '.join(shown[:3])}{more}; put "
                f"the run's own back, or delete {self._folder} to train this phase from its start"
            )

    @property
    def newest(self) -> Path | None:
        """The folder of the newest whole checkpoint."""
        number = self._manager.latest_step()
        return None if number is None else self._folder / str(number)

    def is_due(self) -> bool:
        waited = time.monotonic() - self._last_end
        return waited >= max(self._every_seconds, SHARE_OF_TIME * self._last_duration)

    def save(self, arrays: Any, position: Position) -> None:
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
                    arrays=ocp.args.PyTreeSave(arrays), position=ocp.args.JsonSave(position)
                ),
            )
        except (OSError, ValueError) as error:
            raise InputError(
                f"cannot write the checkpoint {self._folder / str(number)} "
                f"({_first_line(error)}); free some space and run the same command again"
            ) from error
        self._last_end = time.monotonic()
        self._last_duration = self._last_end - started

    def _check_space(self, arrays: Any) -> None:
        """The space is asked for before Orbax writes, whose own report of a full disk, of a quota
        or of a limit on files is a thousand lines."""
        if not processes.is_first():
            return
        needed = MARGIN + sum(array.nbytes for array in jax.tree.leaves(arrays))
        free = shutil.disk_usage(self._folder).free
        if free < needed:
            raise InputError(
                f"a checkpoint needs {needed / 1e6:.1f} MB and {self._folder} has {free / 1e6:.1f} MB "
                "left; free some space and run the same command again"
            )
        # Once a process: where a file system cannot reserve, every byte is written for it.
        if self._has_asked_for_space or not hasattr(os, "posix_fallocate"):  # macOS has none
            return
        self._has_asked_for_space = True
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


def _shapes(tree: Any) -> dict[str, list[int]]:
    """Of every array by its path, whatever kinds of nodes lead there."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): list(leaf.shape) for path, leaf in leaves
    }


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
