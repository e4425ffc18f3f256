"""The page about a collection: what is in it, what is wrong with it, shown with pictures."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from vitlab import files
from vitlab.data import NEAR, Action, Inspection
from vitlab.language import Language, Message
from vitlab.reporting.commands import circumstances_text, made_by
from vitlab.reporting.dataset_gallery import MOST_GROUPS, WORST, DatasetGallery
from vitlab.reporting.drawings import class_counts_chart
from vitlab.reporting.histogram import histogram_chart
from vitlab.reporting.page import render
from vitlab.reporting.tables import Column, Table

MOST_NAMED = 50  # files, lines and the like


def write_dataset_report(
    inspection: Inspection,
    path: Path,
    language: Language,
    *,
    facts: Mapping[str, Any],
    private: bool,
    fixed: Sequence[Action] | None,
) -> None:
    """One file; it shows images that may not be republished only if `private`.

    `facts` are the `circumstances` with the "seed" and the "config" of the images.
    """
    gallery = DatasetGallery(inspection, facts["seed"], private)
    seen, counts = inspection.examined.seen, inspection.counts()
    page = render(
        "dataset.html",
        language,
        inspection=inspection,
        table=inspection.examined.table,
        name=Path(inspection.place).name or inspection.place,
        unreadable=inspection.examined.unreadable,
        tables=_tables(inspection, language),
        counts={part: sum(by_class.values()) for part, by_class in counts.items()},
        smallest=min(seen, key=lambda one: one.width * one.height),
        largest=max(seen, key=lambda one: one.width * one.height),
        exact=[one for one in inspection.copies if one.kind != NEAR],
        near=[one for one in inspection.copies if one.kind == NEAR],
        several_labels=[one for one in inspection.copies if len(one.classes) > 1],
        several_parts=[one for one in inspection.copies if len(one.parts) > 1],
        repaired=sum(bool(one.repairs) for one in seen),
        **{name: Markup(svg) for name, svg in _histograms(inspection, language).items()},
        class_counts=Markup(_class_counts(counts, language)),
        examples=gallery.one_per_class(),
        random=gallery.random(),
        copies=gallery.copies(),
        flaws=gallery.flaws(),
        most_named=MOST_NAMED,
        facts=facts,
        made=made_by(facts),
        config_text=json.dumps(facts["config"], indent=2, ensure_ascii=False),
        circumstances=circumstances_text(facts),
        most_groups=MOST_GROUPS,
        worst=WORST,
        fixed=Counter(action.action for action in fixed) if fixed is not None else None,
    )
    files.write_text(path, page)


def _tables(inspection: Inspection, language: Language) -> dict[str, Table]:
    """By name; reasons and repairs are words of vitlab's own, file names are not."""
    images, unreadable = Column("images", "images", "count"), inspection.examined.unreadable
    kinds = [{"kind": kind, "images": n} for kind, n in inspection.kinds().items()]
    repairs = [{"repair": language.word(name), "images": n} for name, n in inspection.repairs().items()]
    files_and_reasons = [
        {"file": path, "reason": language.word(reason)} for path, reason in unreadable.items()
    ]
    tables = (
        Table("kinds", (Column("kind", "format and mode of the file"), images), kinds),
        Table("repairs", (Column("repair", "repair"), images), repairs),
        Table(
            "unreadable",
            (Column("file", "file"), Column("reason", "reason", "words")),
            files_and_reasons,
            most=MOST_NAMED,
        ),
    )
    return {table.name: table for table in tables}


def _class_counts(counts: Mapping[str, Mapping[str, int]], language: Language) -> str:
    without = Message("no part") if len(counts) > 1 else Message("images")
    by_title = {Message(part) if part else without: of_part for part, of_part in counts.items()}
    return class_counts_chart(by_title, Message("Images of each class in each part"), language)


def _histograms(inspection: Inspection, language: Language) -> dict[str, str]:
    """SVG by the name of the figure."""
    seen = inspection.examined.seen
    sides = [(one.width * one.height) ** 0.5 for one in seen]
    aspects = [one.width / one.height for one in seen]
    return {
        "sizes": histogram_chart(
            sides, Message("size"), Message("square root of width × height, pixels"), language
        ),
        "aspects": histogram_chart(
            aspects, Message("aspect ratio"), Message("width / height"), language
        ),
    }
