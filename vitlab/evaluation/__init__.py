"""How good a model is: its predictions, saved once, and every figure as a function of them."""

from vitlab.evaluation.bootstrap import Estimate, bootstrap_intervals, bootstrap_of_models
from vitlab.evaluation.calibration import Temperature, calibration, fit_temperature, made_worse
from vitlab.evaluation.changes import Changes, Confusion, changes
from vitlab.evaluation.comparison import (
    ALPHA,
    Comparison,
    compare_accuracy,
    compare_figure,
    corrected_by_holm,
    holm,
    mcnemar,
    needed_images,
)
from vitlab.evaluation.counts import confusion_matrix, kappa_reading, row_shares
from vitlab.evaluation.error_analysis import analyse_errors, class_reading
from vitlab.evaluation.figure_intervals import (
    MOST_RANKED_IMAGES,
    RANK_RESAMPLES,
    figure_estimates,
    figure_intervals,
)
from vitlab.evaluation.intervals import (
    CONFIDENCE,
    interval_of_trainings,
    paired_interval,
    student_interval,
    wilson_interval,
    within,
)
from vitlab.evaluation.metrics import evaluate, evaluate_test, headline
from vitlab.evaluation.notable_images import (
    LabelErrors,
    label_errors,
    least_certain,
    most_confidently_wrong,
)
from vitlab.evaluation.pairing import common_images, same_images
from vitlab.evaluation.predictions import (
    Predictions,
    load_predictions,
    predict,
    save_predictions,
)
from vitlab.evaluation.projections import (
    Reduced,
    drawn_rows,
    perplexity,
    reduce_width,
    tsne,
    umap,
)
from vitlab.evaluation.ranking import GRID, Curve, MeanCurves, curve, mean_curves
from vitlab.evaluation.repeats import FoldComparison, Repeats, compare_folds, repeats
from vitlab.evaluation.resampling import (
    OF_RANKS,
    RESAMPLES,
    TESTABLE,
    estimates,
    limits,
    most_difference,
)
from vitlab.evaluation.seeds import LEAST_SEEDS, Measured, SeedTest, compare_seeds, measured, seed_test
from vitlab.evaluation.separability import (
    Clusters,
    Probe,
    Score,
    find_clusters,
    linear_probe,
    nearest,
    score,
)
from vitlab.evaluation.separability_wording import separability_statements
from vitlab.evaluation.wording import (
    IN_POINTS,
    MOST_IMAGES,
    MOST_SEEDS,
    statement,
    statement_of_few_trainings,
    statement_over_folds,
    statement_over_seeds,
)

__all__ = [
    "ALPHA",
    "CONFIDENCE",
    "GRID",
    "IN_POINTS",
    "LEAST_SEEDS",
    "MOST_IMAGES",
    "MOST_RANKED_IMAGES",
    "MOST_SEEDS",
    "OF_RANKS",
    "RANK_RESAMPLES",
    "RESAMPLES",
    "TESTABLE",
    "Changes",
    "Clusters",
    "Comparison",
    "Confusion",
    "Curve",
    "Estimate",
    "FoldComparison",
    "LabelErrors",
    "MeanCurves",
    "Measured",
    "Predictions",
    "Probe",
    "Reduced",
    "Repeats",
    "Score",
    "SeedTest",
    "Temperature",
    "analyse_errors",
    "bootstrap_intervals",
    "bootstrap_of_models",
    "calibration",
    "changes",
    "class_reading",
    "common_images",
    "compare_accuracy",
    "compare_figure",
    "compare_folds",
    "compare_seeds",
    "confusion_matrix",
    "corrected_by_holm",
    "curve",
    "drawn_rows",
    "estimates",
    "evaluate",
    "evaluate_test",
    "figure_estimates",
    "figure_intervals",
    "find_clusters",
    "fit_temperature",
    "headline",
    "holm",
    "interval_of_trainings",
    "kappa_reading",
    "label_errors",
    "least_certain",
    "limits",
    "linear_probe",
    "load_predictions",
    "made_worse",
    "mcnemar",
    "mean_curves",
    "measured",
    "most_confidently_wrong",
    "most_difference",
    "nearest",
    "needed_images",
    "paired_interval",
    "perplexity",
    "predict",
    "reduce_width",
    "repeats",
    "row_shares",
    "same_images",
    "save_predictions",
    "score",
    "seed_test",
    "separability_statements",
    "statement",
    "statement_of_few_trainings",
    "statement_over_folds",
    "statement_over_seeds",
    "student_interval",
    "tsne",
    "umap",
    "wilson_interval",
    "within",
]
