"""TensorBoard's own reader finds each epoch of the log once, however often the run was taken up."""

from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests.training.small_setting import train
from vitlab.config import Phase
from vitlab.training import History, TensorBoard


def read(folder: Path, tag: str) -> dict[int, float]:
    events = EventAccumulator(str(folder)).Reload().Scalars(tag)
    assert len({event.step for event in events}) == len(events)
    return {event.step: event.value for event in events}


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    train(folder, Phase(trainable=("head/.*",), epochs=3))
    return folder / "log.jsonl"


def test_the_scalars_are_those_of_the_log(log: Path, tmp_path: Path):
    lines = History(log, TensorBoard(tmp_path)).lines
    tags = {
        "loss/train": [line["train"]["loss"] for line in lines],
        "accuracy/val": [line["val"]["accuracy"] for line in lines],
        "learning_rate": [line["learning_rate"] for line in lines],
        "seconds": [line["time"]["seconds"] for line in lines],
    }
    for tag, values in tags.items():
        assert read(tmp_path, tag) == {1 + i: pytest.approx(value) for i, value in enumerate(values)}


def test_an_epoch_that_is_trained_again_is_there_once(log: Path, tmp_path: Path):
    copy = tmp_path / "log.jsonl"
    copy.write_text(log.read_text())
    first = History(copy, TensorBoard(tmp_path / "tensorboard"))
    last = first.lines[-1]
    again = History(copy, TensorBoard(tmp_path / "tensorboard"))
    again.cut("p", 2)
    assert list(read(tmp_path / "tensorboard", "seconds")) == [1, 2]
    again.append(last)
    assert list(read(tmp_path / "tensorboard", "seconds")) == [1, 2, 3]
