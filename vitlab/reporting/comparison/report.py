"""Writes a comparison: `report.html`, `comparison.json`, and each table and drawing as a file."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from vitlab import files
from vitlab.language import Language, Message
from vitlab.reporting.commands import circumstances_text, made_by, run_commands
from vitlab.reporting.comparison.candidates import Candidate, Compared, Run
from vitlab.reporting.comparison.drawn import MOST_DIFFERENCES, drawings, family_sizes, matrices_of
from vitlab.reporting.comparison.facts import facts
from vitlab.reporting.comparison.gallery import Gallery, open_gallery
from vitlab.reporting.comparison.narrow_tables import narrow_tables
from vitlab.reporting.comparison.tables import FIGURE_TITLES, TITLES_OF_FIGURES, tables
from vitlab.reporting.devices import run_devices
from vitlab.reporting.matrix import most_confused
from vitlab.reporting.page import render
from vitlab.reporting.tables import Table

MOST_SENTENCES = 15  # pairs that are told in words above the fold
MOST_CHANGES = 6  # pairs of models whose changed images are shown
MOST_CONFUSIONS = 12  # of a pair of models
ONE_RECIPE = Message(
    "All models are of one recipe and differ in their seed only: none is better than another, and what "
    "sets them apart is chance."
)


def write_comparison(
    compared: Compared,
    output: Path,
    circumstances: Mapping[str, Any],
    language: Language,
    *,
    tested: Sequence[str],
    seed: int,
    resamples: int,
) -> dict[str, Any]:
    """What `comparison.json` holds, once everything is written; the page alone is in the language."""
    found = {"made_by": dict(circumstances), **facts(compared, tested, seed, resamples)}
    plain = _as_json(found)
    every = tables(plain)
    drawn = drawings(compared, plain, language)
    page = _page(compared, plain, every, drawn, seed, language)
    files.write_json(output / "comparison.json", plain)  # first: by it the folder is known again
    files.write_text(output / "report.html", page)
    with files.replacing_folder(output / "tables") as folder:
        for name, table in every.items():
            files.write_text(folder / f"{name}.csv", table.csv())
            files.write_text(folder / f"{name}.tex", table.latex())
    with files.replacing_folder(output / "figures") as folder:
        for name, svg in drawn.items():
            files.write_text(folder / f"{name}.svg", svg)
    return plain


def _as_json(value: Any) -> Any:
    """With tuples as lists, as everyone else reads it; messages stay what they are."""
    if isinstance(value, Mapping):
        return {str(key): _as_json(item) for key, item in value.items()}
    return [_as_json(item) for item in value] if isinstance(value, list | tuple) else value


def _page(
    compared: Compared,
    found: dict[str, Any],
    every: dict[str, Table],
    drawn: dict[str, str],
    seed: int,
    language: Language,
) -> str:
    chosen = compared.candidates[found["selection"][0]["number"] - 1]
    gallery = open_gallery(compared, seed)
    is_open = isinstance(gallery, Gallery)
    return render(
        "comparison.html",
        language,
        found=found,
        tested_by=[language.text(FIGURE_TITLES[figure]) for figure in found["tested_figures"]],
        tables=every | narrow_tables(every),
        charts={name: Markup(svg) for name, svg in drawn.items()},
        runs=compared.runs,
        curves=[n for n in range(1, len(compared.runs) + 1) if f"curves_loss_{n}" in drawn],
        has_later_phases=any(len({line["phase"] for line in run.log}) > 1 for run in compared.runs),
        chosen=found["selection"][0],
        verdicts={
            word: _names(found, word) for word in ("better", "worse", "not established", "not tested")
        },
        shown_model=chosen.name,
        over_folds=len(chosen.folds),
        statements=[told["statement"] for told in found["verdicts"][:MOST_SENTENCES]] or [ONE_RECIPE],
        shown_classes=len(most_confused(matrices_of(compared))),
        most_differences=MOST_DIFFERENCES,
        some_are_corrected=any(
            len({pairs > 1 for pairs in family_sizes(found, figure)}) > 1
            for figure in found["tested_figures"]
        ),
        other_differences=[
            Markup(svg) for name, svg in drawn.items() if name.startswith("differences_")
        ],
        most_confusions=MOST_CONFUSIONS,
        no_pictures="" if is_open else gallery,
        galleries=_galleries(gallery, chosen, found["near_copies"])
        if isinstance(gallery, Gallery)
        else {},
        changes=_changes(gallery, found["changes"]),
        most_changes=MOST_CHANGES,
        no_intervals=_no_intervals(found["figures"]),
        untimed=_untimed(found),
        machines=sorted({row["machine"] for row in found["latency"]}),
        made=made_by(found["made_by"]),
        circumstances=circumstances_text(found["made_by"]),
        provenance=_provenance(compared),
    )


def _names(found: dict[str, Any], word: str) -> list[str]:
    """Models against which the chosen one is better, worse, or neither."""
    other = {"better": "worse", "worse": "better"}.get(word, word)  # the rows speak from the other side
    return [row["model"] for row in found["selection"] if row["against_chosen"] == other]


def _untimed(found: dict[str, Any]) -> list[str]:
    timed = {row["model"] for row in found["latency"]}
    return [row["model"] for row in found["selection"] if row["model"] not in timed]


def _galleries(
    gallery: Gallery, chosen: Candidate, copies: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    return {
        "answers": gallery.one_per_class(),
        "grid": gallery.grid(chosen),
        "wrong_for_all": gallery.wrong_for_all(),
        "surest_mistakes": gallery.surest_mistakes(chosen),
        "least_certain": gallery.least_certain(chosen),
        "likely_mislabelled": gallery.likely_mislabelled(chosen),
        "near_copies": gallery.near_copies(copies),
    }


def _changes(gallery: Gallery | str, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first pairs between which something changed, in full, with pictures where there are any."""
    shown = []
    told = (row for row in rows if any(row[key] for key in ("fixed", "broken", "come", "gone")))
    for row in itertools.islice(told, MOST_CHANGES):
        models = (row["before"], row["after"])
        pictures = {
            key: gallery.of_ids(row[key], models) if isinstance(gallery, Gallery) else []
            for key in ("fixed", "broken")
        }
        shown.append({"row": row, "pictures": pictures})
    return shown


def _no_intervals(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """For a note: the figures that lack an interval for one reason in the same models, by number."""
    numbers: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        for figure, reason in row["no_interval"].items():
            numbers.setdefault((figure, reason), []).append(str(row["number"]))
    figures: dict[tuple[str, tuple[str, ...]], list[Message]] = {}
    for (figure, reason), models in numbers.items():
        title = Message(TITLES_OF_FIGURES.get(figure, figure))
        figures.setdefault((reason, tuple(models)), []).append(title)
    return [
        {"figures": titles, "reason": reason, "numbers": models}
        for (reason, models), titles in figures.items()
    ]


def _provenance(compared: Compared) -> list[dict[str, str]]:
    rows = []
    for run in compared.runs:
        manifest = run.manifest
        rows.append(
            {
                "run": run.name,
                "workdir": str(run.path),
                "split": run.split_hash[:12],
                "vitlab": f"{manifest.get('vitlab', '?')} {(manifest.get('git_commit') or '')[:12]}",
                "devices": run_devices(manifest),
                "command": _command(run),
            }
        )
    return rows


def _command(run: Run) -> str:
    """As it is given to a shell, from anywhere."""
    commands = run_commands(run.manifest, run.path, list(run.config.phases)[-1])
    return " && ".join(filter(None, (commands.folder, commands.train))) if commands.train else "?"
