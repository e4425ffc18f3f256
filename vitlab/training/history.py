"""`log.jsonl`: one line per epoch, all phases one after the other."""

import json
import os
from pathlib import Path
from typing import Any

from vitlab import files, processes
from vitlab.epoch_log import read_lines
from vitlab.errors import InputError
from vitlab.progress import duration, score_text
from vitlab.training.tensorboard import TensorBoard

Line = dict[str, Any]


class History:
    """The epochs trained so far, written down by the first process.

    The file on the disk is never ahead of `cut` after a restart.

    `tensorboard` shows the same lines, where there is one.

    Raises:
        InputError: a line of the file, other than a last one that is cut off, is damaged.
    """

    def __init__(self, path: Path, tensorboard: TensorBoard | None = None):
        self.path = path
        self.lines: list[Line] = read_lines(path, "put it back, or start again in a new workdir")
        self._tensorboard = tensorboard
        if tensorboard:
            tensorboard.begin(self.lines)

    def __len__(self) -> int:
        return len(self.lines)

    def append(self, line: Line) -> None:
        """Adds a line, and has it on the disk on return."""
        self.lines.append(line)
        if not processes.is_first():
            return
        try:
            with open(self.path, "a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise files.write_error(self.path, error) from error
        if self._tensorboard:
            self._tensorboard.add(line)

    def cut(self, phase: str, epochs: int) -> None:
        """Forgets what a phase did after `epochs`: it will be trained, and written, again."""
        ours = [line for line in self.lines if line["phase"] == phase]
        if len(ours) < epochs:
            raise InputError(
                f"{self.path} has {len(ours)} whole lines of phase {phase} where {epochs} epochs were "
                "trained; it was changed or cut: start again in a new workdir"
            )
        for line in ours[epochs:]:
            self.lines.remove(line)
        text = "".join(json.dumps(line) + "\n" for line in self.lines)
        if not processes.is_first():
            return
        if not self.path.exists() or self.path.read_text(encoding="utf-8") != text:
            files.write_text(self.path, text)
        if self._tensorboard and ours[epochs:]:
            self._tensorboard.begin(self.lines)


def described(line: Line, epochs: int) -> str:
    """A line as a person reads it, of a phase of at most so many epochs."""
    train, val, spent = line["train"], line["val"], line["time"]
    return (
        f"  epoch {line['epoch']:>{len(str(epochs))}}/{epochs}"
        f"  train loss {score_text(train['loss'], 4)} accuracy {train['accuracy']:.4f}"
        f"  val loss {score_text(val['loss'], 4)} accuracy {val['accuracy']:.4f}"
        f"  {duration(spent['seconds'])}, {spent['ms_per_step']:.3g} ms/step,"
        f" {spent['images_per_second']:.0f} images/s"
        f"{'  best so far' if line['best'] else ''}"
    )
