"""Whether a phase of a run is better than the one before it, or whether that may be chance."""

import itertools
from typing import Any

from vitlab.evaluation import compare_accuracy, statement
from vitlab.reporting.results import Results
from vitlab.reporting.tables import Column, Table


def phase_tests(results: Results) -> list[dict[str, Any]]:
    """From each phase to the next, on the test part: McNemar's exact test, with Holm's correction of
    all of them, the interval of the difference, and the sentence that they make."""
    models = {phase.name: phase.predictions["test"] for phase in results.phases}
    steps = list(itertools.pairwise(models))
    if not steps:
        return []
    return [
        {
            "before": found.first,
            "after": found.second,
            "difference": found.difference,
            "difference_interval": found.interval,
            "p": found.p,
            "p_corrected": found.p_corrected,
            "needed": found.needed,
            "statement": statement(found),
        }
        for found in compare_accuracy(models, steps)
    ]


def phase_tests_table(tests: list[dict[str, Any]]) -> Table:
    """The interval is corrected where p is."""
    p = Column("p_corrected", "p corrected", "p") if len(tests) > 1 else Column("p", "p", "p")
    columns = (
        Column("before", "from"),
        Column("after", "to"),
        Column("difference", "second − first, points", "points"),
        p,
        Column("needed", "images needed", "images"),
    )
    return Table("phase_tests", columns, tests)
