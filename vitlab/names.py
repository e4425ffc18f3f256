"""Names in messages: the nearest to one that is not known, and those that would disturb the text.

Nobody who writes a message has to think of the second: whatever leaves vitlab for a reader's eyes
passes `shown` at its exit, which is `progress.say` and `warn`, `InputError`, the page of a report
(`reporting.page`) and its drawings (`plot.svg_text`, `pictures.grid_svg`).
"""

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
    """A text as one line that reads as it is: controls, line breaks and marks of direction as escapes.

    Letters that are written from the right, emoji and their joiners stay.
    """
    if name.isprintable():  # as nearly all are, and the pictures within a page are long
        return name
    return "".join(
        letter.encode("unicode_escape").decode()
        if unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp")
        or unicodedata.bidirectional(letter) in TURNING
        or letter in MARKS
        else letter
        for letter in name
    )
