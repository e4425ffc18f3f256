"""Who hangs together with whom."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import scipy


def groups_of(count: int, links: Sequence[tuple[int, int]]) -> list[list[int]]:
    """0 to count - 1 in groups that links tie together, directly or through others, or of one alone."""
    tied = Groups(count)
    tied.tie(np.array(links, int).reshape(-1, 2))
    groups: dict[int, list[int]] = defaultdict(list)
    for member, number in enumerate(tied.numbers.tolist()):
        groups[number].append(member)
    return list(groups.values())


class Groups:
    """0 to count - 1, each alone until links tie it to others.

    `numbers` [count], below `count`, are equal for those that hang together.
    """

    def __init__(self, count: int):
        self.numbers = np.arange(count)

    def tie(self, links: np.ndarray) -> int:
        """By `links` [n, 2]; returns how many of them would have been enough.

        A call costs as much as there are members, so many links come together.
        """
        graph = scipy.sparse.coo_array(
            (np.ones(len(links)), self.numbers[links].T), shape=(len(self.numbers),) * 2
        )
        left, numbers = scipy.sparse.csgraph.connected_components(graph, directed=False)
        self.numbers = numbers.astype(int)[self.numbers]
        return len(self.numbers) - left

    def are_apart(self, pairs: np.ndarray) -> np.ndarray:
        """Of each of `pairs` [n, 2], whether nothing ties the two together."""
        return self.numbers[pairs[:, 0]] != self.numbers[pairs[:, 1]]
