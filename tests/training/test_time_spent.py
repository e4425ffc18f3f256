"""Where a phase says that its time went."""

import itertools
from pathlib import Path

import pytest

from tests.training.small_setting import train
from vitlab.config import Phase
from vitlab.training.step import make_train_step
from vitlab.training.task import make_task


def test_the_time_of_a_phase_includes_its_embeddings(tmp_path: Path, monkeypatch):
    now = 0.0

    def slowly(*arguments):
        nonlocal now
        now += 100.0
        return make_task(*arguments)

    monkeypatch.setattr("vitlab.training.loop.make_task", slowly)
    ticks = itertools.count()
    monkeypatch.setattr("vitlab.training.loop.time.monotonic", lambda: now + 1e-6 * next(ticks))
    trained, history, _ = train(tmp_path, Phase(trainable=("head/.*",), epochs=2))
    assert 100 < trained.seconds < 101
    assert 100 < trained.spent["preparing"] < 101
    assert sum(trained.spent.values()) < trained.seconds
    assert {*trained.spent} == {
        *("preparing", "compiling", "waiting", "stepping", "evaluating", "saving")
    }
    assert all(line["time"]["seconds"] < 1 for line in history.lines)


@pytest.mark.parametrize(("batch_size", "milliseconds"), [(8, 5_000), (48, 100_000)])
def test_the_time_of_a_step_is_without_the_one_that_compiles_unless_it_is_alone(
    batch_size, milliseconds, tmp_path: Path, monkeypatch
):
    """The first call of the step takes 100 s, each later one 5 s."""
    now = 0.0

    def timed(*arguments, **options):
        step, durations = make_train_step(*arguments, **options), iter([100.0])

        def call(*inputs):
            nonlocal now
            now += next(durations, 5.0)
            return step(*inputs)

        return call

    monkeypatch.setattr("vitlab.training.loop.make_train_step", timed)
    ticks = itertools.count()
    monkeypatch.setattr("vitlab.training.loop.time.monotonic", lambda: now + 1e-6 * next(ticks))
    trained, history, _ = train(tmp_path, Phase(trainable=("head/.*",), epochs=2), batch_size)
    first, second = (line["time"]["ms_per_step"] for line in history.lines)
    assert first == pytest.approx(milliseconds, rel=0.01)
    assert second == pytest.approx(5_000, rel=0.01)
    assert trained.spent["compiling"] == pytest.approx(100, rel=0.01)
