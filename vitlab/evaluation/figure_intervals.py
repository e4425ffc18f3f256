"""Every figure of the test part that the bootstrap gives an interval, and those intervals as JSON."""

from collections.abc import Sequence
from typing import Any

from vitlab.evaluation.bootstrap import Estimate, bootstrap_of_models
from vitlab.evaluation.intervals import wilson_interval
from vitlab.evaluation.predictions import Predictions
from vitlab.evaluation.resampling import OF_RANKS, RESAMPLES
from vitlab.language import Message

# By their keys in metrics.json. The accuracy and the top five have Wilson's interval there.
FIGURES = (
    "balanced_accuracy",
    "kappa",
    "matthews",
    "macro.precision",
    "macro.recall",
    "macro.f1",
    "weighted.precision",
    "weighted.f1",
    "loss",
    "brier",
    "ece",
)
# The cost of figures of ranks grows with the square of the images.
RANK_RESAMPLES = 400  # they need no more than a standard deviation
MOST_RANKED_IMAGES = 5000

# Without values: a page looks it up in its language again, from metrics.json.
_TOO_MANY_TO_RANK = Message("too many test images to rank them in each resample")


def figure_intervals(models: Sequence[Predictions], seed: int) -> list[dict[str, Any]]:
    """Of each model, whose rows are the same images, as metrics.json has them.

    Where a figure has no interval, it is None, and "no_interval" says why.
    """
    return [
        {
            "seed": seed,
            "resamples": RESAMPLES,
            "rank_resamples": RANK_RESAMPLES,
            "intervals": {
                figure: one.interval and list(one.interval) for figure, one in estimates.items()
            },
            "no_interval": {figure: one.note for figure, one in estimates.items() if one.note},
        }
        for estimates in figure_estimates(models, seed, RESAMPLES)
    ]


def figure_estimates(
    models: Sequence[Predictions], seed: int, resamples: int
) -> list[dict[str, Estimate]]:
    """Of each model, whose rows are the same images. Figures of ranks are not told of too many.

    The weighted recall is the accuracy by another name, and has its interval, Wilson's.
    """
    found = bootstrap_of_models(models, FIGURES, seed, resamples)
    for model, of_all in zip(models, found, strict=True):
        right, count = int((model.answers == model.labels).sum()), len(model)
        of_all["weighted.recall"] = Estimate(right / count, wilson_interval(right, count), "")
    if len(models[0]) <= MOST_RANKED_IMAGES:
        ranked = bootstrap_of_models(models, tuple(OF_RANKS), seed, min(resamples, RANK_RESAMPLES))
    else:
        ranked = [dict.fromkeys(OF_RANKS, Estimate(None, None, _TOO_MANY_TO_RANK)) for _ in models]
    return [of_all | of_ranks for of_all, of_ranks in zip(found, ranked, strict=True)]
