"""The names of classes, as people write them."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable

from vitlab.data.sources.remarks import Remark
from vitlab.errors import InputError
from vitlab.language import Message

UNSEEN = ("Cf", "Zs", "Zl", "Zp")  # categories of spaces, and of marks that nobody sees


def check_class_names(names: Iterable[str], place: str) -> list[Remark]:
    """Remarks on names that differ by case or spaces alone: they may be meant to be one class.

    Raises:
        InputError: a name cannot be shown: it has a control character, or a byte that is no UTF-8.
    """
    alike = defaultdict(set)
    for name in names:
        if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in name):
            raise InputError(f"the class {name!r} in {place} has a name that cannot be shown; rename it")
        seen = (letter for letter in name.casefold() if unicodedata.category(letter) not in UNSEEN)
        alike["".join(seen)].add(name)
    return [
        Remark(
            Message(
                "{place} has classes that differ by case or spaces alone: {names}",
                place=str(place),
                names=", ".join(repr(name) for name in sorted(same)),
            )
        )
        for same in alike.values()
        if len(same) > 1
    ]
