"""The page about a collection: what is in it, what is wrong with it, shown with pictures."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from markupsafe import Markup

from vitlab import files
from vitlab.data import NEAR, Action, Inspection
from vitlab.language import Language, Message
from vitlab.reporting.dataset_gallery import MOST_GROUPS, WORST, DatasetGallery
from vitlab.reporting.drawings import class_counts_chart
from vitlab.reporting.histogram import histogram_chart
from vitlab.reporting.page import render

MOST_NAMED = 50  # files, lines and the like


def write_dataset_report(
    inspection: Inspection,
    path: Path,
    language: Language,
    *,
    seed: int,
    private: bool,
    fixed: Sequence[Action] | None,
) -> None:
    """One file; it shows images that may not be republished only if `private`."""
    gallery = DatasetGallery(inspection, seed, private)
    seen, counts = inspection.examined.seen, inspection.counts()
    page = render(
        "dataset.html",
        language,
        inspection=inspection,
        table=inspection.examined.table,
        name=Path(inspection.place).name or inspection.place,
        unreadable=inspection.examined.unreadable,
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
        most_groups=MOST_GROUPS,
        worst=WORST,
        fixed=Counter(action.action for action in fixed) if fixed is not None else None,
    )
    files.write_text(path, page)


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
