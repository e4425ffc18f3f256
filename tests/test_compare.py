"""`python -m vitlab.compare` as a user runs it: its flags, and what it refuses and why."""

import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from tests.configs import small
from tests.conftest import vitlab
from tests.reporting.made_runs import change_json, digits_split, invented_split, make_run
from tests.reporting.pages import Page
from vitlab import __version__
from vitlab.compare_job import compare_runs
from vitlab.config import Split as SplitSettings
from vitlab.config import resolve
from vitlab.data import read_split
from vitlab.errors import InputError
from vitlab.evaluation import Predictions, load_predictions, save_predictions
from vitlab.reporting import read_runs
from vitlab.run_directory import RunDirectory


@pytest.fixture
def two(tmp_path: Path) -> list[Path]:
    split = invented_split(["cat", "dog", "owl"], 60)
    return [make_run(tmp_path / f"r{index}", split, {"t": 0.8}, chance=index) for index in (1, 2)]


def refusal(paths: Sequence[Path], *, intersect: bool = False) -> str:
    with pytest.raises(InputError) as caught:
        read_runs(paths, intersect=intersect)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_real_run_is_compared_phase_by_phase(small_run: Path, tmp_path: Path):
    output = tmp_path / "out"
    done = vitlab("compare", f"--runs={small_run}", f"--output={output}", "--resamples=500")
    assert done.returncode == 0, done.stderr
    found = json.loads((output / "comparison.json").read_text())
    measured = json.loads((small_run / "metrics.json").read_text())
    assert [row["model"] for row in found["models"]] == ["small/head", "small/all"]
    assert [row["augmented"] for row in found["models"]] == [True, True]
    for row, parts, phase in zip(found["figures"], found["parts"], ("head", "all"), strict=True):
        test = measured[phase]["test"]
        assert row["accuracy"] == test["accuracy"]
        assert row["accuracy_interval"] == test["accuracy_interval"]
        for key in ("loss", "kappa", "brier", "ece", "roc_auc", "balanced_accuracy"):
            assert row[key] == pytest.approx(test[key], rel=1e-9)
        assert row["macro.f1"] == pytest.approx(test["macro"]["f1"])
        assert parts["train_accuracy"] == measured[phase]["train"]["accuracy"]
    statement = next(pair["statement"] for pair in found["pairs"] if pair["figure"] == "accuracy")
    assert statement in done.stdout
    assert f"report: {output / 'report.html'}" in done.stdout
    network = json.loads((small_run / "network.json").read_text())
    assert found["latency"][0]["milliseconds"] == network["facts"]["milliseconds"]
    weights = load_file(small_run / "model" / "all" / "weights.safetensors")
    assert found["costs"][1]["weights_bytes"] == sum(array.nbytes for array in weights.values())
    page = Page((output / "report.html").read_text())
    assert f"python -m vitlab.compare --runs={small_run} --output={output} --resamples=500" in page.words
    assert "all begins" in "".join(page.text)
    assert len(page.tables["table-figures"]) == 3
    again = vitlab("compare", f"--runs={small_run}", f"--output={output}", "--resamples=500")
    assert again.returncode == 0, again.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "name runs with --runs=DIR,DIR"),
        (("--runs=a,,b",), "name runs with --runs=DIR,DIR"),
        (("--runs=a,b",), "give a folder with --output=DIR"),
        (("--runs=a,b", "--output=vitlab"), "vitlab holds something else than a comparison"),
        (("--runs=a,b", "--output=README.md"), "README.md holds something else than a comparison"),
        (("--runs=a,b", "--output=x", "--resamples=3"), "resamples"),
    ],
)
def test_a_wrong_flag_is_answered_without_jax(arguments, message: str, without_jax):
    done = vitlab("compare", *arguments, **without_jax)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_what_is_no_run_is_refused_in_one_line(tmp_path: Path):
    done = vitlab("compare", f"--runs={tmp_path}", f"--output={tmp_path / 'out'}")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"vitlab compare: {tmp_path} holds no run: no config.json is in it (--runs)\n"
    )
    assert not (tmp_path / "out").exists()


def test_one_model_alone_is_refused(two: list[Path]):
    assert "has one model, and nothing to compare it with" in refusal(two[:1])


def test_the_same_run_twice_is_refused(two: list[Path], tmp_path: Path):
    assert "twice" in refusal([two[0], two[0]])
    (tmp_path / "link").symlink_to(two[0])
    assert "link twice; name each run once" in refusal([two[0], tmp_path / "link"])


def test_runs_of_one_name_are_told_apart_by_the_folders_above(tmp_path: Path):
    split = invented_split(["cat", "dog"], 40)
    paths = [
        make_run(tmp_path / above / "run", split, {"t": 0.8}, chance=chance)
        for chance, above in enumerate("ab")
    ]
    assert list(read_runs(paths, intersect=False).models) == ["a/run", "b/run"]


def test_an_unfinished_run_is_refused(two: list[Path]):
    change_json(two[1] / "manifest.json", finished=False)
    assert f"the run in {two[1]} is not finished" in refusal(two)


def test_missing_and_damaged_predictions_are_named(two: list[Path]):
    file = two[1] / "predictions" / "t" / "test.npz"
    content = file.read_bytes()
    file.unlink()
    message = refusal(two)
    assert f"cannot read the predictions {file}: No such file or directory; take" in message
    assert message.count(str(file)) == 1
    assert "repeat the command that made the run" in message
    for damaged in (b"", content[: len(content) // 2], b"no archive"):
        file.write_bytes(damaged)
        assert f"cannot read the predictions {file}" in refusal(two)


def test_logits_that_are_no_numbers_are_refused(two: list[Path]):
    file = two[1] / "predictions" / "t" / "test.npz"
    saved = load_predictions(file)
    logits = saved.logits.copy()
    logits[3, 1] = np.nan
    save_predictions(Predictions(saved.ids, saved.labels, logits), file)
    assert "has the logit nan" in refusal(two)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"class_names": 3}'])
def test_a_damaged_card_is_named(two: list[Path], content: str):
    card = two[0] / "model" / "t" / "model.json"
    card.write_text(content)
    assert str(card.parent) in refusal(two)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("manifest.json", "[]", "it is no JSON object; train the run again"),
        ("manifest.json", '{"finished": true, "pretraining": 5}', "it.pretraining is no JSON object"),
        ("manifest.json", '{"finished": true, "devices": ["cpu", 1]}', "it.devices[1] is not a text"),
        ("network.json", '{"facts": 3}', "it.facts is no JSON object; take the file away"),
        ("network.json", '{"facts": {"milliseconds": 0}}', "it.facts.milliseconds is no number above 0"),
        ("log.jsonl", "{}", "line 1 has no 'epoch'; take the file away"),
        ("log.jsonl", "[1]", "line 1 is no JSON object; take the file away: nothing but the learning"),
        ("log.jsonl", "{}\nx\n", "line 2 is no JSON (Expecting value: line 1 column 1 (char 0)); take"),
        ("log.jsonl", '{"phase\n{}', "line 1 is no JSON"),
        ("analysis.json", '{"near_copies": 3}', "it.near_copies is no list; take the file away"),
        ("analysis.json", '{"near_copies": [3]}', "it.near_copies[0] is no JSON object"),
        ("model/t/model.json", '{"class_names": ["a"], "trained": 3}', "it.trained is no JSON object"),
        (
            "model/t/model.json",
            '{"class_names": ["a"], "trained": {"epochs": "x"}}',
            "it.trained.epochs is not a whole number; train the run again",
        ),
    ],
)
def test_a_file_of_another_shape_is_named_with_what_is_wrong_in_it(
    two: list[Path], file: str, content: str, message: str
):
    (two[1] / file).write_text(content)
    assert f"cannot read {two[1] / file}: {message}" in refusal(two)


def test_a_last_line_of_the_log_that_is_cut_off_is_left_out_with_a_warning(two: list[Path], capsys):
    """As a process leaves it that is killed while it writes; a whole one may lack its line break."""
    log = two[1] / "log.jsonl"
    text = log.read_text()
    for kept, lines in ((text[:-1], 4), (text[:-20], 3)):
        log.write_text(kept)
        first, second = read_runs(two, intersect=False).runs
        assert second.log == first.log[:lines]
    assert capsys.readouterr().out == f"warning: the last line of {log} is cut off, and left out\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{}", "has no figures of phase t; take it away, and run the training again"),
        ("[]", "it is no JSON object; take it away"),
        ('{"t": {"test": {"n": 3}}}', "it.t.test has no 'accuracy'; take it away"),
    ],
)
def test_metrics_of_another_shape_are_named_where_a_run_is_opened(
    two: list[Path], content: str, message: str
):
    (two[0] / "metrics.json").write_text(content)
    with pytest.raises(InputError, match=re.escape(message)):
        RunDirectory(two[0]).open_finished()


def test_what_nobody_reads_of_a_file_is_free(two: list[Path]):
    change_json(two[1] / "network.json", mine={"note": [1, "x"]})
    change_json(two[1] / "manifest.json", mine=3)
    assert len(read_runs(two, intersect=False).candidates) == 2


def test_a_card_that_is_gone_and_an_empty_config_are_named_once_with_a_way_out(two: list[Path]):
    card, config = two[0] / "model" / "t" / "model.json", two[1] / "config.json"
    config.write_text("")
    assert refusal(two).count(str(config)) == 1
    card.unlink()
    assert f"{card} is gone; take {card.parent} away, and repeat the command" in refusal(two)


def test_an_image_of_two_labels_is_named_by_its_path(two: list[Path]):
    file = two[1] / "predictions" / "t" / "test.npz"
    saved = load_predictions(file)
    labels = saved.labels.copy()
    labels[3] = (labels[3] + 1) % 3
    save_predictions(Predictions(saved.ids, labels, saved.logits), file)
    assert "r1 and r2 give the image 3.jpg different labels" in refusal(two)


def test_runs_of_other_classes_are_refused_by_name(tmp_path: Path):
    first = make_run(tmp_path / "a", invented_split(["cat", "dog"], 40), {"t": 0.8})
    second = make_run(tmp_path / "b", invented_split(["cat", "fox"], 40), {"t": 0.8})
    third = make_run(tmp_path / "c", invented_split(["cat", "dog", "owl"], 40), {"t": 0.8})
    for intersect in (False, True):
        message = refusal([first, second], intersect=intersect)
        assert "a and b have other classes (2 and 2; 'dog' is a class of one alone)" in message
        assert "(2 and 3; 'owl' is a class of one alone)" in refusal([first, third], intersect=intersect)


def test_other_splits_are_refused_with_the_runs_and_the_way_out(tmp_path: Path):
    paths = [
        make_run(tmp_path / f"r{seed}", digits_split(images=200, seed=seed), {"t": 0.8})
        for seed in (0, 1)
    ]
    message = refusal(paths)
    assert "r0: split " in message
    assert "; r1: split " in message
    assert "--intersect" in message


@pytest.mark.parametrize(
    ("before", "after"), [('"test"', '"train"'), ('"cat"', '"fox"'), (f'"{2:064x}"', f'"{999:064x}"')]
)
@pytest.mark.parametrize("intersect", [False, True])
def test_a_split_that_changed_since_the_training_is_refused(
    two: list[Path], before: str, after: str, intersect: bool
):
    file = two[1] / "split.csv"
    noted = read_split(file).hash
    file.write_text(file.read_text().replace(before, after, 1))
    assert refusal(two, intersect=intersect) == (
        f"{file} has changed since the run was trained (its hash was {noted[:12]}, and is "
        f"{read_split(file).hash[:12]}); put it back, or train the run again"
    )
    file.unlink()  # then there are no paths, and all else is known
    assert len(read_runs(two, intersect=intersect).candidates) == 2


def test_a_split_of_other_classes_is_refused_though_no_hash_was_noted(two: list[Path]):
    """As older runs noted none."""
    for path in two:
        change_json(path / "manifest.json", split_hash=None)
        file = path / "split.csv"
        file.write_text(file.read_text().replace('"cat"', '"fox"', 1))
    assert f"{two[0] / 'split.csv'} has the class 'fox', which the run's model does not have" in (
        refusal(two)
    )


def test_intersect_compares_on_the_common_test_images_and_says_how_many(tmp_path: Path):
    paths = [
        make_run(tmp_path / f"r{seed}", digits_split(images=900, seed=seed), {"t": 0.8}, chance=seed)
        for seed in (0, 1)
    ]
    ids = [set(load_predictions(path / "predictions" / "t" / "test.npz").ids) for path in paths]
    common = len(ids[0] & ids[1])
    output = tmp_path / "out"
    done = vitlab(
        "compare",
        f"--runs={','.join(map(str, paths))}",
        f"--output={output}",
        "--intersect",
        "--resamples=300",
    )
    assert done.returncode == 0, done.stderr
    assert f"on {common} test images" in done.stdout
    assert "By validation accuracy, of each run on images of its own:" in done.stdout
    assert "the best first" not in done.stdout
    assert f"{450 - common} test images of r0 are not in all runs; they are left out" in done.stdout
    found = json.loads((output / "comparison.json").read_text())
    assert found["n"] == common > 50
    assert found["left_out"] == {"r0": 450 - common, "r1": 450 - common}
    assert {row["n"] for row in found["figures"]} == {common}
    text = "".join(Page((output / "report.html").read_text()).text)
    assert "cd /home/user && python -m vitlab.main --config=made.py" in text
    assert f"compared on the {common} test images" in " ".join(text.split())


def test_runs_without_a_common_test_image_are_refused(tmp_path: Path):
    split = invented_split(["cat", "dog"], 40)
    swapped = {"test": "train", "train": "test", "val": "test"}
    parts = [swapped[part] for part in split.parts]
    parts[0] = "val"
    other = type(split)(split.table, tuple(parts))
    paths = [make_run(tmp_path / "a", split, {"t": 0.8}), make_run(tmp_path / "b", other, {"t": 0.8})]
    assert "a, b have no test image in common" in refusal(paths, intersect=True)


def test_folds_must_be_the_same_for_all(tmp_path: Path):
    split, other = invented_split(["a", "b"], 40), invented_split(["a", "b"], 42)

    def fold(name: str, number: int, network: str, chosen=split) -> Path:
        settings = SplitSettings(folds=3, fold=number)
        return make_run(tmp_path / name, chosen, {"t": 0.8}, network=network, settings=settings)

    vit = [fold("v0", 0, "vit"), fold("v1", 1, "vit")]
    cnn = fold("c0", 0, "cnn")
    assert "on the folds 0, 1, and c0 on 0; models are compared on the same folds" in refusal(
        [*vit, cnn]
    )
    assert "v0 and d0 are both fold 0, of different splits" in refusal(
        [*vit, fold("d0", 0, "cnn", other)]
    )
    twin = fold("w0", 0, "vit")
    assert "v0 and w0 are the same model on the same fold 0" in refusal([*vit, twin])
    change_json(twin / "config.json", seed=7)
    assert "v0 and w0 are one recipe on the same fold 0, trained with the seeds 0 and 7" in refusal(
        [*vit, twin]
    )


def test_an_earlier_comparison_is_replaced_and_nothing_else(two: list[Path], tmp_path: Path):
    output = tmp_path / "out"
    compare_runs(two, output, intersect=False, tested=[], seed=0, resamples=200)
    (output / "notes.txt").write_text("mine")
    shutil.rmtree(output / "figures")
    compare_runs(two, output, intersect=False, tested=[], seed=0, resamples=200)
    assert (output / "notes.txt").read_text() == "mine"
    assert (output / "figures" / "accuracy.svg").exists()


@pytest.mark.parametrize(
    ("facts", "made_by"),
    [
        ({"vitlab": "7.0", "git_commit": "f" * 40}, f"vitlab 7.0 (commit {'f' * 12})"),
        ({"vitlab": None, "git_commit": None}, "vitlab of unknown version"),
    ],
)
def test_a_config_that_is_not_understood_is_named_with_the_version_that_made_it(
    two: list[Path], facts: dict, made_by: str
):
    """As that of a run which a later version made; whoever goes on with it is told the same."""
    change_json(two[1] / "config.json", invention=3)
    change_json(two[1] / "manifest.json", **facts)
    message = refusal(two)
    assert message.startswith(f"{two[1] / 'config.json'}: unknown config key 'invention'")
    assert f"; {made_by} made this run, and vitlab {__version__}" in message
    assert message.endswith(
        "take the vitlab that made it, or, if the file was changed by hand, put it back"
    )
    config = resolve(small.get_config())
    with pytest.raises(InputError, match=re.escape(message)), RunDirectory(two[1]).claimed(config):
        pass
