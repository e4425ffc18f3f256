"""Images that show too little: of one colour, very dark, very bright, blurred."""

from collections.abc import Sequence
from dataclasses import dataclass

from vitlab.data.inspection.examined import Seen
from vitlab.language import Message

BLANK = 8  # of 255: the largest difference of a colour within an image that shows nothing
DARK = 30.0  # of 255: mean grey value
BRIGHT = 240.0
# Variance of the Laplacian: half of the photographs of dogs have more than 600, one in a hundred less
# than 50; blurred over 3 pixels they have about 4.
BLURRED = 30.0


@dataclass(frozen=True)
class Flaw:
    """The rows that have it, worst first, what was measured of each, and the rule in words."""

    name: str
    rule: str
    rows: tuple[int, ...]
    values: tuple[float, ...]


def find_flaws(seen: Sequence[Seen]) -> list[Flaw]:
    """An image of one colour is called blank, and nothing else."""
    blank = [row for row, one in enumerate(seen) if one.measures.spread <= BLANK]
    others = sorted(set(range(len(seen))) - set(blank))
    means = {row: seen[row].measures.mean for row in others}
    sharpness = {row: seen[row].measures.sharpness for row in others}
    return [
        _flaw(
            Message("blank"),
            Message("no colour differs by more than {most} of 255 within the image", most=BLANK),
            {row: float(seen[row].measures.spread) for row in blank},
        ),
        _flaw(
            Message("very dark"),
            Message("mean grey value below {least:g} of 255", least=DARK),
            {row: mean for row, mean in means.items() if mean < DARK},
        ),
        _flaw(
            Message("very bright"),
            Message("mean grey value above {most:g} of 255", most=BRIGHT),
            {row: mean for row, mean in means.items() if mean > BRIGHT},
            brightest_first=True,
        ),
        _flaw(
            Message("blurred"),
            Message(
                "variance of the Laplacian below {least:g}, the longer side shrunk to 256 pixels",
                least=BLURRED,
            ),
            {row: value for row, value in sharpness.items() if value < BLURRED},
        ),
    ]


def _flaw(name: str, rule: str, values: dict[int, float], brightest_first: bool = False) -> Flaw:
    rows = sorted(values, key=lambda row: values[row], reverse=brightest_first)
    return Flaw(name, rule, tuple(rows), tuple(values[row] for row in rows))
