"""The epochs of a run as TensorBoard reads them; `pip install vitlab[tensorboard]` brings its writer."""

import shutil
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from vitlab import files


class TensorBoard:
    """Scalars by epoch of the run, in a folder that says what `log.jsonl` says and nothing else.

    TensorBoard keeps each event that it has read once. So the folder is written anew wherever a process
    begins or goes on, and an epoch that is trained twice is in it once.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        self._writer: Any = None

    def begin(self, lines: Iterable[Mapping[str, Any]]) -> None:
        """Forgets all, and writes these lines of the log."""
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        self.close()
        try:
            if self._folder.exists():
                shutil.rmtree(self._folder)
            self._writer = EventFileWriter(str(self._folder))
        except OSError as error:
            raise files.write_error(self._folder, error) from error
        for line in lines:
            self.add(line)

    def add(self, line: Mapping[str, Any]) -> None:
        """Has the epoch on the disk on return."""
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary

        values = [Summary.Value(tag=tag, simple_value=value) for tag, value in _scalars(line).items()]
        event = Event(wall_time=time.time(), step=line["epoch_of_run"], summary=Summary(value=values))
        self._writer.add_event(event)
        self._writer.flush()

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def _scalars(line: Mapping[str, Any]) -> dict[str, float]:
    """What TensorBoard shows under which name."""
    scores = {
        f"{score}/{part}": line[part][score]
        for score in ("loss", "accuracy")
        for part in ("train", "val")
    }
    times = {name: line["time"][name] for name in ("seconds", "ms_per_step", "images_per_second")}
    return {**scores, "learning_rate": line["learning_rate"], **times}
