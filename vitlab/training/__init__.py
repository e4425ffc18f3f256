"""Phases of training: what is trainable, the compiled step, the loop, checkpoints, embeddings."""

from vitlab.training.embeddings import Embedder
from vitlab.training.history import History
from vitlab.training.loop import train_phase
from vitlab.training.profiling import Profiler
from vitlab.training.range_test import HIGHEST, LOWEST, RangeTest, range_test
from vitlab.training.stage import Setting, Stage, Trained, most_epochs
from vitlab.training.step import first_state, make_train_step
from vitlab.training.tensorboard import TensorBoard
from vitlab.training.trainable import rate_factors, trainable_paths

__all__ = [
    "HIGHEST",
    "LOWEST",
    "Embedder",
    "History",
    "Profiler",
    "RangeTest",
    "Setting",
    "Stage",
    "TensorBoard",
    "Trained",
    "first_state",
    "make_train_step",
    "most_epochs",
    "range_test",
    "rate_factors",
    "train_phase",
    "trainable_paths",
]
