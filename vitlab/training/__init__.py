"""Phases of training: what is trainable, the compiled step, the loop, checkpoints, embeddings."""

from vitlab.training.embeddings import Embedder
from vitlab.training.history import History
from vitlab.training.loop import train_phase
from vitlab.training.member_orders import Fold, Member
from vitlab.training.population import TrainedMember, check_population, train_population
from vitlab.training.profiling import Profiler
from vitlab.training.range_test import HIGHEST, LOWEST, RangeTest, range_test
from vitlab.training.stage import Setting, Stage, Standing, Trained
from vitlab.training.step import first_state, make_train_step
from vitlab.training.task import check_views
from vitlab.training.tensorboard import TensorBoard
from vitlab.training.trainable import Chosen, chosen_parameters

__all__ = [
    "HIGHEST",
    "LOWEST",
    "Chosen",
    "Embedder",
    "Fold",
    "History",
    "Member",
    "Profiler",
    "RangeTest",
    "Setting",
    "Stage",
    "Standing",
    "TensorBoard",
    "Trained",
    "TrainedMember",
    "check_population",
    "check_views",
    "chosen_parameters",
    "first_state",
    "make_train_step",
    "range_test",
    "train_phase",
    "train_population",
]
