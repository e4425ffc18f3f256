"""What a split must not part: copies of one picture, images of one group."""

from collections import Counter
from dataclasses import dataclass

from vitlab.data.grouping import groups_of
from vitlab.data.table import GROUP, Table


@dataclass(frozen=True)
class Bundle:
    """Rows that share an id or a group, directly or through others.

    Attributes:
        name: decides its place in line, whatever else is in the table.
        label: of most of its pictures.
        pictures: how many different ones.
    """

    name: str
    label: int
    pictures: int
    rows: tuple[int, ...]


def bundles_of(table: Table) -> list[Bundle]:
    """Every row is in one, most are alone in theirs."""
    groups = table.column(GROUP)
    first_of_group: dict[str, int] = {}
    first = table.first_rows()
    copies = [(first[identity], row) for row, identity in enumerate(table.ids)]
    mates = [(first_of_group.setdefault(group, row), row) for row, group in enumerate(groups) if group]
    return [_bundle(rows, table) for rows in groups_of(len(table), copies + mates)]


def _bundle(rows: list[int], table: Table) -> Bundle:
    groups = table.column(GROUP)
    labels = {table.ids[row]: int(table.labels[row]) for row in reversed(rows)}
    counts = Counter(labels.values())
    label = min(counts, key=lambda label: (-counts[label], label))
    of_group = sorted({_name(groups[row]) for row in rows if groups[row]})
    return Bundle((of_group or sorted(labels))[0], label, len(labels), tuple(rows))


def _name(group: str) -> str:
    return f"group:{group}"
