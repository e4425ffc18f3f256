"""Who hangs together with whom."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def groups_of(count: int, links: Sequence[tuple[int, int]]) -> list[list[int]]:
    """0 to count - 1 in groups that links tie together, directly or through others, or of one alone."""
    first, second = np.array(links, int).reshape(-1, 2).T
    graph = coo_array((np.ones(len(links)), (first, second)), shape=(count, count))
    _, numbers = connected_components(graph, directed=False)
    groups: dict[int, list[int]] = defaultdict(list)
    for member, number in enumerate(numbers.tolist()):
        groups[number].append(member)
    return list(groups.values())
