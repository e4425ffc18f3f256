"""Everything that is found out about a collection before anyone trains, and the same as JSON."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from vitlab.data.inspection.balance import judge_balance
from vitlab.data.inspection.copies import Copies, find_copies
from vitlab.data.inspection.examined import Examined, examine
from vitlab.data.inspection.flaws import Flaw, find_flaws
from vitlab.data.inspection.near import Pair
from vitlab.data.inspection.parts import in_order, parts_of
from vitlab.data.inspection.pretraining import pretraining_signs
from vitlab.data.sources import Remark, Source
from vitlab.data.splits import Split
from vitlab.data.table import PARTS
from vitlab.language import Message

# Asked with the readable images and the pairs that look alike, it passes on those that it agrees to,
# with their similarity.
Check = Callable[[Examined, Sequence[Pair]], list[Pair]]


@dataclass(frozen=True)
class Inspection:
    """`parts`, `copies` and `flaws` speak of the rows of `examined.table`.

    Attributes:
        place: what the user calls the collection.
        parts: of each row, "" where none is known.
        imbalance: images of the largest class over those of the smallest; `balance` says it in words.
        pretraining: sentences, see `pretraining_signs`.
        remarks: what the source noticed before any image was read.
    """

    place: str
    examined: Examined
    parts: tuple[str, ...]
    copies: tuple[Copies, ...]
    flaws: tuple[Flaw, ...]
    imbalance: float
    balance: tuple[Message, ...]
    pretraining: tuple[Message, ...]
    remarks: tuple[Remark, ...]

    def counts(self) -> dict[str, dict[str, int]]:
        """Per part, images of each class; the part is "" where none is known."""
        table = self.examined.table
        return {
            part: table.select(
                [row for row, name in enumerate(self.parts) if name == part]
            ).class_counts()
            for part in in_order(self.parts, PARTS)
        }

    def repairs(self) -> dict[str, int]:
        """How many images needed each repair, the most frequent first."""
        return dict(
            Counter(name for seen in self.examined.seen for name in sorted(seen.repairs)).most_common()
        )

    def kinds(self) -> dict[str, int]:
        """How many images are of each format and mode, such as "JPEG RGB"."""
        return dict(Counter(f"{seen.format} {seen.mode}" for seen in self.examined.seen).most_common())


def inspect_source(
    source: Source, place: str, split: Split | None = None, check: Check | None = None
) -> Inspection:
    """Decodes every image once, and compares them.

    Raises:
        InputError: no image can be read, or the split is one of other images.
    """
    whole_parts = parts_of(source.table, split, place)
    examined = examine(source)
    parts = tuple(whole_parts[row] for row in examined.origin)
    agreed = (lambda pairs: check(examined, pairs)) if check else None
    imbalance, balance = judge_balance(examined.table.class_counts())
    return Inspection(
        place=place,
        examined=examined,
        parts=parts,
        copies=tuple(find_copies(examined, parts, agreed)),
        flaws=tuple(find_flaws(examined.seen)),
        imbalance=imbalance,
        balance=tuple(balance),
        pretraining=tuple(pretraining_signs(place, examined.table)),
        remarks=source.remarks,
    )


def to_json(inspection: Inspection) -> dict[str, Any]:
    """All that the report shows, and what it leaves out for want of room."""
    examined = inspection.examined
    paths = examined.table.paths
    sizes = Counter((seen.width, seen.height) for seen in examined.seen)
    return {
        "data": inspection.place,
        "images": len(examined.table),
        "classes": examined.table.class_counts(),
        "parts": {part or "no part": counts for part, counts in inspection.counts().items()},
        "imbalance": inspection.imbalance,
        "balance": inspection.balance,
        "pretraining": inspection.pretraining,
        "remarks": [{"what": remark.what, "about": remark.about} for remark in inspection.remarks],
        "sizes": [
            {"width": width, "height": height, "images": count}
            for (width, height), count in sizes.most_common()
        ],
        "kinds": inspection.kinds(),
        "repairs": inspection.repairs(),
        "repaired": {
            paths[row]: sorted(seen.repairs) for row, seen in enumerate(examined.seen) if seen.repairs
        },
        "unreadable": examined.unreadable,
        "copies": [
            {
                "kind": copies.kind,
                "paths": [paths[row] for row in copies.rows],
                "classes": copies.classes,
                "parts": copies.parts,
                "likeness": round(copies.likeness, 4),
                "similarity": copies.similarity and round(copies.similarity, 4),
            }
            for copies in inspection.copies
        ],
        "flaws": {
            flaw.name: {
                "rule": flaw.rule,
                "images": {
                    paths[row]: round(value, 2)
                    for row, value in zip(flaw.rows, flaw.values, strict=True)
                },
            }
            for flaw in inspection.flaws
        },
    }
