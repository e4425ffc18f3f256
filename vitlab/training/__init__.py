"""Phases of training: what is trainable, the compiled step, the loop, checkpoints, embeddings."""

from vitlab.training.embeddings import Embedder
from vitlab.training.history import History
from vitlab.training.loop import train_phase
from vitlab.training.stage import Setting, Stage, Trained, most_epochs
from vitlab.training.step import first_state, make_train_step
from vitlab.training.task import check_views
from vitlab.training.trainable import rate_factors, trainable_paths

__all__ = [
    "Embedder",
    "History",
    "Setting",
    "Stage",
    "Trained",
    "check_views",
    "first_state",
    "make_train_step",
    "most_epochs",
    "rate_factors",
    "train_phase",
    "trainable_paths",
]
