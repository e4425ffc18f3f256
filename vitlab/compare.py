"""Which of several models is better, and is that more than chance?

    python -m vitlab.compare --runs=DIR,DIR,... --output=DIR [--intersect] [--tests=FIGURE,...]
        [--seed=N] [--resamples=N] [--language=fr]

Every phase of every run is a model. They are compared on the same test images, from the predictions
that the runs saved: intervals, paired tests of all pairs, what changed from one to the other, cost and
speed. Runs on different splits are refused; --intersect takes the test images that all have. Runs that
differ in their seed only are summed up; the folds of a cross-validation are pooled. DIR gets
report.html, comparison.json, and each table as CSV and LaTeX.
"""

from pathlib import Path

from absl import flags

from vitlab import command, files
from vitlab.errors import InputError
from vitlab.language import chosen_code

_RUNS = flags.DEFINE_list("runs", None, "Directories of finished runs, with commas between them.")
_OUTPUT = flags.DEFINE_string("output", None, "A folder for what comes out: new, or of a comparison.")
_INTERSECT = flags.DEFINE_bool(
    "intersect", False, "Compare runs of different splits on the test images that all of them have."
)
_TESTS = flags.DEFINE_list(
    "tests",
    ["macro.f1", "loss"],
    "What pairs are tested by, beside the accuracy: balanced_accuracy, kappa, "
    "matthews, macro.precision, macro.recall, macro.f1, weighted.precision, weighted.recall, "
    "weighted.f1, loss, brier, roc_auc, average_precision.",
)
_SEED = flags.DEFINE_integer(
    "seed", 0, "Of the bootstrap, and of which images are shown.", lower_bound=0, upper_bound=2**32 - 1
)
_RESAMPLES = flags.DEFINE_integer(
    "resamples",
    None,
    "Of the bootstrap; 10,000 if not given.",
    lower_bound=200,
    upper_bound=1_000_000,
)
_LANGUAGE = flags.DEFINE_string(
    "language", None, "Of the report; that of the runs if not given, English where they differ."
)


def main() -> None:
    if not _RUNS.value or not all(_RUNS.value):
        raise InputError("name runs with --runs=DIR,DIR, such as --runs=runs/vit,runs/mobilenet")
    if not _OUTPUT.value:
        raise InputError("give a folder with --output=DIR, such as --output=reports/comparison")
    output = Path(_OUTPUT.value)
    if output.exists() and (not output.is_dir() or _holds_something_else(output)):
        raise InputError(f"{output} holds something else than a comparison; choose a new --output")
    language = None if _LANGUAGE.value is None else chosen_code(_LANGUAGE.value, "--language")
    files.check_writable(output / "report.html")

    # Only now: it takes its time, and a wrong flag should be answered at once.
    from vitlab.compare_job import compare_runs
    from vitlab.evaluation import RESAMPLES

    compare_runs(
        [Path(path) for path in _RUNS.value],
        output,
        intersect=_INTERSECT.value,
        tested=[figure for figure in dict.fromkeys(_TESTS.value) if figure != "accuracy"],
        seed=_SEED.value,
        resamples=_RESAMPLES.value or RESAMPLES,
        language=language,
    )


def _holds_something_else(folder: Path) -> bool:
    return any(folder.iterdir()) and not (folder / "comparison.json").is_file()


if __name__ == "__main__":
    command.run(main)
