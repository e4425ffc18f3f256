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
    """ids [n] of text, labels [n] of int, logits [n, classes] of float32; row i is one image."""

    ids: np.ndarray
    labels: np.ndarray
    logits: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)

    def select(self, rows: np.ndarray) -> "Predictions":
        return Predictions(self.ids[rows], self.labels[rows], self.logits[rows])

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
    """Logits of every example of the store, in float32."""
    embeddings = embedder(model.parameters, model.statistics, store, title)
    head = jax.jit(model.network.classify)
    logits = runtime.to_host(head(model.parameters, model.statistics, embeddings))
    return Predictions(np.array(ids), store.labels, logits)


def save_predictions(predictions: Predictions, path: Path) -> None:
    with files.replacing(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(
            file, ids=predictions.ids, labels=predictions.labels, logits=predictions.logits
        )


def load_predictions(path: Path) -> Predictions:
    """Raises InputError if the file is missing or damaged."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            return Predictions(archive["ids"], archive["labels"], archive["logits"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"cannot read the predictions {path}: {error}; run again") from error
