"""How even the classes are, and what to do where they are not."""

from collections.abc import Mapping

UNEVEN, VERY_UNEVEN = 1.5, 10.0  # largest class over smallest
FEW = 20  # images: with 15 % of them in a part, an accuracy there says nothing


def judge_balance(counts: Mapping[str, int]) -> tuple[float, list[str]]:
    """The ratio of the largest to the smallest class, and sentences about it.

    `counts` are of the readable images; a class may have none.
    """
    by_size = sorted(counts, key=lambda name: counts[name])
    smallest, largest = by_size[0], by_size[-1]
    ratio = counts[largest] / max(counts[smallest], 1)
    words = []
    if ratio >= UNEVEN:
        words.append(
            f"The largest class, {largest}, has {counts[largest]} images, the smallest, {smallest}, "
            f"{counts[smallest]}: {ratio:.1f} times as many. Read a run's macro figures, in which every "
            "class counts the same, beside its accuracy."
        )
    if ratio >= VERY_UNEVEN:
        words.append(
            f"A network that never answers {smallest} loses little accuracy: add images of the small "
            "classes, or cap the large ones with dataset.per_class."
        )
    few = [name for name in by_size if counts[name] < FEW]
    if few:
        listed = ", ".join(f"{name} ({counts[name]})" for name in few[:10])
        more = f" and {len(few) - 10} more" if len(few) > 10 else ""
        words.append(
            f"Classes of fewer than {FEW} images: {listed}{more}. A test part of so few says little "
            "about the class."
        )
    return ratio, words
