"""What `vitlab.compare` does once its flags are known to be sound."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vitlab.circumstances import circumstances
from vitlab.errors import InputError
from vitlab.evaluation import NOT_TESTABLE, TESTABLE
from vitlab.language import Code, language_of
from vitlab.names import unknown
from vitlab.progress import say
from vitlab.reporting import ONE_RECIPE, Compared, read_runs, write_comparison

MOST_SENTENCES = 10
MOST_NAMES = 20  # of classes in a line


def compare_runs(
    paths: Sequence[Path],
    output: Path,
    *,
    intersect: bool,
    seed: int,
    resamples: int,
    tested: Sequence[str],
    language: Code | None = None,
) -> None:
    """Without a `language` the report speaks that of the runs, or English where they differ.

    `tested` are figures that pairs are tested by, beside the accuracy.
    """
    for name in tested:
        if name not in TESTABLE:
            if name in NOT_TESTABLE:
                raise InputError(f"--tests has {name}: {NOT_TESTABLE[name]}; leave it out")
            raise InputError(unknown("figure to test by", name, TESTABLE, "--tests"))
    compared = read_runs(paths, intersect=intersect)
    say(f"models   {len(compared.candidates)}, from {_counted(compared)}, on {compared.n} test images")
    for run, count in compared.left_out.items():
        if count:
            say(f"         {count} test images of {run} are not in all runs; they are left out")
    spoken = language_of(language or _language_of_runs(compared))
    found = write_comparison(
        compared, output, circumstances(), spoken, tested=tested, seed=seed, resamples=resamples
    )
    _say_results(found)
    say("", f"report: {output / 'report.html'}")


def _counted(compared: Compared) -> str:
    return "1 run" if len(compared.runs) == 1 else f"{len(compared.runs)} runs"


def _language_of_runs(compared: Compared) -> Code:
    languages = {run.config.report.language for run in compared.runs}
    return languages.pop() if len(languages) == 1 else "en"


def _say_untested(classes: Sequence[str]) -> None:
    if classes:
        named = ", ".join(classes[:MOST_NAMES]) + ("; and more" if len(classes) > MOST_NAMES else "")
        say(f"warning: no figure says how well classes without a test image are told: {named}")


def _say_results(found: dict[str, Any]) -> None:
    for row in found["pretraining"]:
        say(f"warning: {row['warning']}")
    if found["has_other_splits"]:
        say(
            "warning: the runs have different splits, and validation images of their own: the order by "
            "validation accuracy is no ground to choose by"
        )
    _say_untested(found["untested_classes"])
    if found["missing_folds"]:
        missing = found["missing_folds"]
        which = (
            f"fold {missing[0]}" if len(missing) == 1 else f"the folds {', '.join(map(str, missing))}"
        )
        say(f"         no run is of {which}; the images tested there are left out")
    if found["has_other_splits"]:
        say("", "By validation accuracy, of each run on images of its own:", "")
    else:
        ties = "; among equals, the lower loss" if found["tied_with_chosen"] else ""
        say("", f"By validation accuracy, the best first{ties}:", "")
    for row in found["selection"]:
        if row["seeds"] == 1:
            low, high = row["accuracy_interval"]
            spread = f"{low:.4f} to {high:.4f}"
        else:
            spread = f"means; by seed from {row['lowest']:.4f} to {row['highest']:.4f}"
            if row["accuracy_interval"]:
                low, high = row["accuracy_interval"]
                spread += f"; of their mean, for other seeds and images, {low:.4f} to {high:.4f}"
        say(
            f"  {row['model']}: val {row['val_accuracy']:.4f}, test {row['accuracy']:.4f} ({spread})",
        )
    told = found["verdicts"]
    say("", *(one["statement"] for one in told[:MOST_SENTENCES]))
    if not told:
        say(ONE_RECIPE)
    if len(told) > MOST_SENTENCES:
        say(f"... and {len(told) - MOST_SENTENCES} more pairs; comparison.json has them all")
    for caution in found["cautions"]:
        say("", caution)
