"""How even the classes are, and what to do where they are not."""

from collections.abc import Mapping, Sequence

from vitlab.language import Message

UNEVEN, VERY_UNEVEN = 1.5, 10.0  # largest class over smallest
MOST_NAMED = 10  # classes in a sentence
FEW = 20  # images: with 15 % of them in a part, an accuracy there says nothing


def judge_balance(counts: Mapping[str, int]) -> tuple[float, list[Message]]:
    """The ratio of the largest to the smallest class that has any image, and sentences about them.

    `counts` are of the readable images; not every class has some, but one does.
    """
    by_size = sorted((name for name in counts if counts[name]), key=lambda name: counts[name])
    smallest, largest = by_size[0], by_size[-1]
    ratio = counts[largest] / counts[smallest]
    words = []
    empty = [name for name in counts if not counts[name]]
    if empty:
        words.append(
            Message(
                "No image can be read of {classes}: bring them, or leave the class out by naming the "
                "others in dataset.classes.",
                classes=_listed(empty),
            )
        )
    if ratio >= UNEVEN:
        words.append(
            Message(
                "The largest class, {largest}, has {most} images, the smallest, {smallest}, {fewest}: "
                "{ratio:.1f} times as many. Read a run's macro figures, in which every class counts the "
                "same, beside its accuracy.",
                largest=largest,
                most=counts[largest],
                smallest=smallest,
                fewest=counts[smallest],
                ratio=ratio,
            )
        )
    if ratio >= VERY_UNEVEN:
        words.append(
            Message(
                "A network that never answers {smallest} loses little accuracy: add images of the small "
                "classes, or cap the large ones with dataset.per_class.",
                smallest=smallest,
            )
        )
    few = [name for name in by_size if counts[name] < FEW]
    if few:
        listed = _listed([f"{name} ({counts[name]})" for name in few])
        words.append(
            Message(
                "Classes of fewer than {few} images: {classes}. A test part of so few says little about "
                "the class.",
                few=FEW,
                classes=listed,
            )
        )
    return ratio, words


def _listed(names: Sequence[str]) -> str:
    listed = ", ".join(names[:MOST_NAMED])
    if len(names) <= MOST_NAMED:
        return listed
    return Message("{names} and {n} more", names=listed, n=len(names) - MOST_NAMED)
