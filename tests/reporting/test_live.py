"""The page of a run that is under way: what it says, how rarely it is written, and how it ends."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.reporting.made_runs import change_json, digits_split, make_run
from tests.reporting.pages import Page, shown_by_a_browser
from vitlab import files, processes
from vitlab.errors import InputError
from vitlab.reporting import LivePage, live
from vitlab.run_directory import RunDirectory
from vitlab.training import History, Standing

STANDING = Standing("finetune", epoch=4, epochs=20, batch=5, batches=10)
BAD = "<img src=x onerror=alert(1)>\u202e"


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    """One phase is trained, and the other one has been for four epochs."""
    path = make_run(tmp_path / "run", digits_split(images=80), {"head": 0.7, "finetune": 0.8})
    (path / "model" / "finetune").rename(tmp_path / "not yet")
    change_json(path / "manifest.json", finished=None)
    return RunDirectory(path)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets the time."""
    now = [1000.0]
    monkeypatch.setattr(live.time, "monotonic", lambda: now[0])

    def move(seconds: float) -> None:
        now[0] += seconds

    return move


def page_of(run: RunDirectory, *, is_shown: bool = True) -> LivePage:
    change_json(run.path / "manifest.json", finished=True)
    config = run.read_finished()
    return LivePage(run, config, History(run.log), is_shown=is_shown)


def test_it_says_where_the_run_is(run: RunDirectory):
    page_of(run).watch(STANDING)
    text = run.report.read_text()
    page = Page(text)
    assert "Phase finetune is being trained." in page.words
    assert "Epochs of phase finetune that are done: 4 of at most 20. Batches of the next: 5 of 10." in (
        page.words
    )
    lines = [json.loads(line) for line in run.log.read_text().splitlines()]
    taken = sorted(line["time"]["seconds"] for line in lines[4:])
    left = 15.5 * (taken[1] + taken[2]) / 2
    assert f"Time left of this phase: about {left:.0f} s at most." in page.words
    for row, phase, state, best in zip(
        page.texts("phases")[1:],
        ("head", "finetune"),
        ("finished", "under way"),
        (lines[2]["val"], lines[6]["val"]),
        strict=True,
    ):
        scores = [f"{100 * best['accuracy']:.2f} %", f"{best['loss']:.4f}"]
        assert row == [phase, state, "4", "3", *scores, "9.2 s"]
    newest = lines[-1]
    assert [row[0] for row in page.texts("epochs")] == ["epoch", "4", "3", "2", "1"]
    assert page.texts("epochs")[1][1:5] == [
        *(f"{100 * newest[part]['accuracy']:.2f} %" for part in ("train", "val")),
        *(f"{newest[part]['loss']:.4f}" for part in ("train", "val")),
    ]
    assert text.count("<svg") == 2
    assert '<meta http-equiv="refresh" content="10">' in text
    assert re.search(r"This page was written on \d{4}-\d\d-\d\d at \d\d:\d\d:\d\d", page.words)
    assert "If that is long ago, the run has ended without being able to say so." in page.words
    assert not page.addresses


def test_before_the_first_epoch_there_is_no_curve_and_no_time_left(run: RunDirectory):
    run.log.unlink()
    page = page_of(run)
    page.begin("finetune")
    assert "Phase finetune is being prepared." in Page(run.report.read_text()).words
    page.watch(Standing("finetune", 0, 20, 1, 10))  # at once, however short the phase is
    text = run.report.read_text()
    assert "Epochs of phase finetune that are done: 0 of at most 20. Batches" in Page(text).words
    assert "<svg" not in text
    assert "Time left" not in text


def test_after_the_last_epoch_there_is_no_next_one(run: RunDirectory):
    page = page_of(run)
    page.watch(Standing("finetune", 20, 20, 0, 10))
    words = Page(run.report.read_text()).words
    assert "that are done: 20 of at most 20." in words
    assert "Batches of the next" not in words


def test_a_red_line_is_told_of_where_there_is_one(run: RunDirectory):
    lines = run.log.read_text().splitlines(keepends=True)
    told = {}
    for epochs in (4, 5):
        run.log.write_text("".join(lines[:epochs]))
        page_of(run).watch(STANDING)
        told[epochs] = "A red line where a later phase begins." in Page(run.report.read_text()).words
    assert told == {4: False, 5: True}


def test_an_error_on_a_french_page_is_marked_as_english(run: RunDirectory):
    change_json(run.config, report={"classes": [], "examples": 2, "private": False, "language": "fr"})
    with pytest.raises(InputError), page_of(run).kept():
        raise InputError("the loss became nan")
    text = run.report.read_text()
    assert '<html lang="fr">' in text
    assert '<p class="warning" lang="en"><bdi>the loss became nan</bdi></p>' in text
    assert re.search(r"écrite le \d\d/\d\d/\d{4} à \d\d:", Page(text).words)


def test_it_is_written_once_in_ten_seconds_at_most_and_less_where_that_takes_long(
    run: RunDirectory, clock: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
):
    page = page_of(run)
    written = []

    def write(path: Path, text: str) -> None:
        written.append(path)
        clock(slow)

    monkeypatch.setattr(files, "write_text", write)
    slow = 0.01
    for _ in range(3001):
        page.watch(STANDING)
        clock(0.01)
    assert len(written) == 3  # 30 seconds
    slow = 2.0
    clock(100)
    page.watch(STANDING)
    clock(199)
    page.watch(STANDING)
    assert len(written) == 4
    clock(1.1)
    page.watch(STANDING)
    assert len(written) == 5


@pytest.mark.parametrize(
    ("error", "sentence", "message"),
    [
        (SystemExit(0), "The run was stopped. The same command goes on with it.", ""),
        (KeyboardInterrupt(), "The run was stopped.", ""),
        (BrokenPipeError(32, "Broken pipe"), "The run was stopped.", ""),
        (
            InputError(f"the loss became nan {BAD}"),
            "The run has ended with an error.",
            "the loss became nan",
        ),
        (ZeroDivisionError(BAD), "by a bug of vitlab", "ZeroDivisionError: "),
    ],
)
def test_a_run_that_ends_before_its_report_says_so_and_is_looked_at_no_longer(
    run: RunDirectory, error: BaseException, sentence: str, message: str
):
    page = page_of(run)
    with pytest.raises(type(error)), page.kept():
        page.watch(STANDING)
        assert "refresh" in run.report.read_text()
        raise error
    text = run.report.read_text()
    found = Page(text)
    assert sentence in found.words
    assert message in found.words
    assert 'http-equiv="refresh"' not in text
    assert not found.handlers
    assert "\u202e" not in text
    assert found.texts("phases")[2][:2] == ["finetune", "not finished"]


def test_a_page_that_cannot_be_written_is_said_once_and_ends_nothing(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def refuse(path: Path, text: str) -> None:
        raise InputError(f"cannot write {path}: No space left on device; free some space")

    monkeypatch.setattr(files, "write_text", refuse)
    page = page_of(run)
    for phase in ("head", "finetune"):
        page.begin(phase)
    said = capsys.readouterr().err
    assert said.count("No space left on device") == 1
    assert "the run goes on without its live view" in said


def test_only_the_first_process_writes_and_a_finished_run_keeps_its_report(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
):
    page_of(run, is_shown=False).begin("head")
    assert not run.report.exists()
    monkeypatch.setattr(processes, "_index", 1)
    page_of(run).begin("head")
    assert not run.report.exists()


def test_a_browser_shows_it_without_complaint(run: RunDirectory, tmp_path: Path):
    with pytest.raises(SystemExit), (page := page_of(run)).kept():
        page.watch(STANDING)
        raise SystemExit(0)
    document, complaints = shown_by_a_browser(run.report, tmp_path)
    assert "<progress" in document
    assert not complaints
