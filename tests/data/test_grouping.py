"""Links tie things together, directly or through others."""

import numpy as np

from vitlab.data.grouping import Groups, groups_of


def test_groups_are_found_through_others_and_some_are_of_one():
    assert groups_of(7, [(5, 1), (2, 3), (3, 5), (6, 6)]) == [[0], [1, 2, 3, 5], [4], [6]]
    assert groups_of(2, []) == [[0], [1]]


def test_groups_grow_link_by_link_and_say_which_links_they_needed():
    groups = Groups(6)
    assert groups.tie(np.array([(0, 1), (1, 2), (2, 0)])) == 2
    assert groups.tie(np.array([(4, 5), (5, 2)])) == 2
    assert groups.tie(np.zeros((0, 2), int)) == 0
    pairs = np.array([(0, 4), (3, 0), (5, 3), (1, 5)])
    np.testing.assert_array_equal(groups.are_apart(pairs), [False, True, True, False])
