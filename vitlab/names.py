"""What to say when a name is not known: the nearest names that are."""

import difflib
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
