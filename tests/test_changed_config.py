"""A run goes on with a changed config only where that is asked for, and can be."""

import dataclasses
import json
from pathlib import Path

import pytest

from tests.configs import small
from vitlab.config import Config, Phase, resolve
from vitlab.errors import InputError
from vitlab.run_directory import RunDirectory

CONFIG = resolve(small.get_config())


def begun(
    folder: Path, *, trained: tuple[str, ...] = (), training: tuple[str, ...] = ()
) -> RunDirectory:
    """The directory of a run of CONFIG that has come so far."""
    run = RunDirectory(folder / "run")
    with run.claimed(CONFIG):
        run.begin(CONFIG)
        run.record(finished=False)
    for phase in trained:
        run.model(phase).mkdir(parents=True)
    for phase in training:
        (run.checkpoints / phase).mkdir(parents=True)
    return RunDirectory(folder / "run")


def changed(phase: str, **changes) -> Config:
    phases = {**CONFIG.phases, phase: dataclasses.replace(CONFIG.phases[phase], **changes)}
    return dataclasses.replace(CONFIG, phases=phases)


def go_on(run: RunDirectory, config: Config) -> None:
    with run.claimed(config, accept_changes=True) as finished:
        assert not finished
        run.begin(config)


def test_without_the_flag_a_change_is_refused_and_the_flag_is_named(tmp_path: Path):
    run = begun(tmp_path, trained=("head",))
    config = changed("all", learning_rate=1.0)
    message = r"another config \(phases.all.learning_rate: 0.003, now 1.0\); .* by --accept_changes"
    with pytest.raises(InputError, match=message), run.claimed(config):
        pass


@pytest.mark.parametrize(
    "changes",
    [{"optimizer": "lion", "ema": 0.9}, {"trainable": ("head/.*",)}],
)
def test_a_phase_that_has_not_begun_may_change_in_everything(tmp_path: Path, changes: dict):
    run = begun(tmp_path, training=("head",))
    config = changed("all", **changes)
    go_on(run, config)
    assert json.loads(run.config.read_text())["phases"]["all"]["trainable"] == list(
        config.phases["all"].trainable
    )
    found = RunDirectory(run.path)
    with found.claimed(config):
        assert [change.partition(":")[0] for change in found.manifest["changes"]] == [
            f"phases.all.{key}" for key in changes
        ]


def test_a_phase_under_way_may_change_in_its_rate_and_length(tmp_path: Path):
    go_on(begun(tmp_path, training=("head",)), changed("head", learning_rate=1e-4, epochs=7, patience=2))


def test_a_phase_under_way_may_change_in_what_is_made_of_a_gradient(tmp_path: Path):
    changes = {"clip": 1.0, "weight_decay": 0.1, "layer_decay": 0.5, "steps": 9, "warmup_steps": 3}
    patterns = {"rates": (("head/.*", 2.0),), "decays": (("head/bias", 0.0),)}
    go_on(begun(tmp_path, training=("head",)), changed("head", **changes, **patterns))


@pytest.mark.parametrize(
    "changes", [{"optimizer": "lion"}, {"ema": 0.5}, {"batch_norm": "update"}, {"last_layers": 1}]
)
def test_a_phase_under_way_keeps_what_its_checkpoint_depends_on(tmp_path: Path, changes: dict):
    run = begun(tmp_path, training=("head",))
    (key,) = changes
    with pytest.raises(InputError, match=f"gone too far for a change of phases.head.{key}: "):
        go_on(run, changed("head", **changes))


def test_a_finished_phase_stays_as_it_is(tmp_path: Path):
    run = begun(tmp_path, trained=("head",), training=("head",))
    with pytest.raises(InputError, match=r"gone too far for a change of phases.head.epochs: 3, now 9"):
        go_on(run, changed("head", epochs=9))


@pytest.mark.parametrize(
    ("key", "other"),
    [
        ("seed", dataclasses.replace(CONFIG, seed=5)),
        ("batch_size", dataclasses.replace(CONFIG, batch_size=5)),
    ],
)
def test_what_every_phase_depends_on_stays_as_it_is(tmp_path: Path, key: str, other: Config):
    run = begun(tmp_path)
    with pytest.raises(InputError, match=f"gone too far for a change of {key}: "):
        go_on(run, other)


def test_no_phase_may_come_before_others_whatever_else_has_changed(tmp_path: Path):
    run = begun(tmp_path, training=("head",))
    phases = {"more": Phase(epochs=1), **changed("head", epochs=9).phases}
    with pytest.raises(InputError, match="the order of phases"):
        go_on(run, dataclasses.replace(CONFIG, phases=phases))


def test_a_phase_may_follow_and_none_may_go(tmp_path: Path):
    run = begun(tmp_path, training=("head",))
    longer = dataclasses.replace(CONFIG, phases={**CONFIG.phases, "more": Phase(epochs=1)})
    go_on(run, longer)
    with pytest.raises(InputError, match=r"gone too far for a change of phases.more: .*, now None"):
        go_on(RunDirectory(run.path), CONFIG)


def test_a_refused_change_leaves_the_run_as_it_was(tmp_path: Path):
    run = begun(tmp_path)
    before = run.config.read_text()
    with pytest.raises(InputError):
        go_on(run, dataclasses.replace(CONFIG, seed=5))
    assert run.config.read_text() == before


def test_a_run_of_an_older_version_goes_on_where_nothing_but_new_settings_have_come(tmp_path: Path):
    run = begun(tmp_path)
    values = json.loads(run.config.read_text())
    for phase in values["phases"].values():
        del phase["rates"], phase["ema"]
    run.config.write_text(json.dumps(values))
    with run.claimed(CONFIG) as finished:
        assert not finished
