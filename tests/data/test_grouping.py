"""Links tie things together, directly or through others."""

from vitlab.data.grouping import groups_of


def test_groups_are_found_through_others_and_some_are_of_one():
    assert groups_of(7, [(5, 1), (2, 3), (3, 5), (6, 6)]) == [[0], [1, 2, 3, 5], [4], [6]]
    assert groups_of(2, []) == [[0], [1]]
