"""Names in messages: the nearest to one that is not known, and those that would disturb the text."""

import difflib
import unicodedata
from collections.abc import Iterable


def unknown(kind: str, name: str, known: Iterable[str], where: str, listed: str = "") -> str:
    """ "unknown model 'vit_ti15' (model.name); did you mean vit_ti16?"

    Where no name is near, all are named; or, where they are too many for a line and are `listed`
    somewhere, the nearest and that place.
    """
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    if near:
        advice = f"did you mean {' or '.join(near)}?"
    elif listed:
        near = difflib.get_close_matches(name, names, n=3, cutoff=0)
        advice = f"the nearest of {len(names)} are {', '.join(near)}; see {listed}"
    else:
        advice = f"known: {', '.join(names)}"
    return f"unknown {kind} {name!r} ({where}); {advice}"


# They turn the text around them, for good if a name does not end them.
TURNING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
MARKS = "\u200e\u200f\u061c"  # left-to-right, right-to-left, Arabic letter


def shown(name: str) -> str:
    """A name of a file as one line that reads as it is: line breaks and marks of direction as escapes.

    Letters that are written from the right, emoji and their joiners stay.
    """
    return "".join(
        letter.encode("unicode_escape").decode()
        if unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp")
        or unicodedata.bidirectional(letter) in TURNING
        or letter in MARKS
        else letter
        for letter in name
    )
