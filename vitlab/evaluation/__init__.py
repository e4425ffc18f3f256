"""How good a model is: its predictions, saved once, and every figure as a function of them."""

from vitlab.evaluation.metrics import evaluate, evaluate_test, wilson_interval
from vitlab.evaluation.predictions import (
    Predictions,
    load_predictions,
    predict,
    save_predictions,
)

__all__ = [
    "Predictions",
    "evaluate",
    "evaluate_test",
    "load_predictions",
    "predict",
    "save_predictions",
    "wilson_interval",
]
