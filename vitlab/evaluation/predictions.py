"""What a model answered to every image of a part: ids, labels, logits. Metrics need nothing else."""

import zipfile
from dataclasses import dataclass
from pathlib import Path

import jax
import numpy as np

from vitlab import files, runtime
from vitlab.data import Store
from vitlab.errors import InputError
from vitlab.models import SavedModel
from vitlab.training import Embedder


@dataclass(frozen=True)
class Predictions:
    """ids [n] of text, labels [n] of int, logits [n, classes] of float; row i is one image."""

    ids: np.ndarray
    labels: np.ndarray
    logits: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)

    def select(self, rows: np.ndarray) -> "Predictions":
        return Predictions(self.ids[rows], self.labels[rows], self.logits[rows])

    def cooled(self, temperature: float) -> "Predictions":
        """With the logits divided by a temperature, in float64: the answers stay, ties do not arise."""
        return Predictions(self.ids, self.labels, self.logits.astype(np.float64) / temperature)

    @property
    def answers(self) -> np.ndarray:
        """The class with the highest logit; the first of equals."""
        return self.logits.argmax(axis=1)

    @property
    def probabilities(self) -> np.ndarray:
        """float64 [n, classes]. The only place where vitlab turns logits into probabilities."""
        shifted = self.logits.astype(np.float64) - self.logits.max(axis=1, keepdims=True)
        raised = np.exp(shifted)
        return raised / raised.sum(axis=1, keepdims=True)


def predict(
    model: SavedModel, store: Store, ids: tuple[str, ...], embedder: Embedder, title: str
) -> Predictions:
    """Logits of every example of the store, in float32.

    Raises InputError if one is not a finite number.
    """
    embeddings = embedder(model.parameters, model.statistics, store, title)
    head = jax.jit(model.network.classify)
    logits = runtime.to_host(head(model.parameters, model.statistics, embeddings))
    predictions = Predictions(np.array(ids), store.labels, logits)
    _refuse_no_number(predictions, f"the model's answers to the {title} part")
    return predictions


def save_predictions(predictions: Predictions, path: Path) -> None:
    with files.replacing(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(
            file, ids=predictions.ids, labels=predictions.labels, logits=predictions.logits
        )


_WAY_OUT = "take the file away if it is there, and repeat the command that made the run"


def load_predictions(path: Path) -> Predictions:
    """Raises InputError if the file is missing or damaged, or holds what no model answers."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            predictions = Predictions(archive["ids"], archive["labels"], archive["logits"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        cause = getattr(error, "strerror", None) or error  # which does not name the path again
        raise InputError(f"cannot read the predictions {path}: {cause}; {_WAY_OUT}") from error
    _refuse_other_arrays(predictions, path)
    _refuse_no_number(predictions, f"the predictions {path}")
    return predictions


def _refuse_other_arrays(predictions: Predictions, path: Path) -> None:
    ids, labels, logits = predictions.ids, predictions.labels, predictions.logits
    kinds = ids.dtype.kind + labels.dtype.kind + logits.dtype.kind
    shapes = f"ids {ids.shape}, labels {labels.shape}, logits {logits.shape}"
    if kinds not in ("Uif", "Uuf") or not (
        ids.ndim == labels.ndim == 1 and logits.ndim == 2 and len(ids) == len(labels) == len(logits) > 0
    ):
        raise InputError(
            f"cannot read the predictions {path}: {shapes} are not a text, a whole number and a row of "
            "logits for each of one or more images; "
            f"{_WAY_OUT}"
        )
    strange = np.flatnonzero((labels < 0) | (labels >= logits.shape[1]))
    if len(strange):
        raise InputError(
            f"cannot read the predictions {path}: image {ids[strange[0]]} has the label "
            f"{labels[strange[0]]}, and there are {logits.shape[1]} classes; {_WAY_OUT}"
        )


def _refuse_no_number(predictions: Predictions, what: str) -> None:
    """A NaN or an infinity among the logits makes every figure meaningless, and JSON has none."""
    rows = np.flatnonzero(~np.isfinite(predictions.logits).all(axis=1))
    if len(rows):
        logits = predictions.logits[rows[0]]
        value = logits[~np.isfinite(logits)][0]
        raise InputError(
            f"{what}: image {predictions.ids[rows[0]]} has the logit {value} ({len(rows)} of "
            f"{len(predictions)} images have such); the weights are of no use, train them again with "
            "a lower learning rate"
        )
