"""What to say when a name is not known: the nearest names that are."""

import difflib
from collections.abc import Iterable


def unknown(kind: str, name: str, known: Iterable[str], where: str) -> str:
    """ "unknown model 'vit_ti15' (model.name); did you mean vit_ti16?"""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    advice = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(names)}"
    return f"unknown {kind} {name!r} ({where}); {advice}"
