"""What is compared: the models of several runs, with all that their directories say of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vitlab.config import Config
from vitlab.data import Split
from vitlab.evaluation import Predictions


@dataclass(frozen=True)
class Run:
    """A finished run; `network`, `analysis` and `log` are empty where an older vitlab wrote none."""

    name: str
    path: Path
    config: Config
    manifest: Mapping[str, Any]
    network: Mapping[str, Any]
    analysis: Mapping[str, Any]
    log: Sequence[Mapping[str, Any]]
    class_names: tuple[str, ...]
    split_hash: str


@dataclass(frozen=True)
class Candidate:
    """One model of the comparison: the best weights of a phase of a run (S0-17).

    Of a run over folds it is what the models of all folds answered, each to its own test part; its
    `run` is that of the first fold, and `folds` are the candidates that it was made of, in order.
    """

    name: str
    run: Run
    phase: str
    card: Mapping[str, Any]
    predictions: Mapping[str, Predictions]
    checkpoint_bytes: int | None
    folds: tuple["Candidate", ...] = ()

    @property
    def is_last(self) -> bool:
        return self.phase == list(self.run.config.phases)[-1]

    @property
    def splits(self) -> tuple[str, ...]:
        """The hash of the split, or those of the folds."""
        return tuple(one.run.split_hash for one in self.folds or (self,))

    @property
    def test(self) -> Predictions:
        return self.predictions["test"]


@dataclass(frozen=True)
class Compared:
    """Candidates whose test parts are the same images, row by row.

    Attributes:
        split: of the first run; its paths are what an image is called. None where it is gone.
        left_out: by run how many of its test images are not common to all; empty without --intersect.
    """

    runs: tuple[Run, ...]
    candidates: tuple[Candidate, ...]
    class_names: tuple[str, ...]
    split: Split | None
    left_out: Mapping[str, int]

    @property
    def models(self) -> dict[str, Predictions]:
        return {one.name: one.test for one in self.candidates}

    @property
    def n(self) -> int:
        return len(self.candidates[0].test)

    @property
    def has_other_splits(self) -> bool:
        """Whether models were trained, validated or tested on other images than others: only with
        --intersect. The folds of one cross-validation are one division of the images."""
        return bool(self.left_out) and len({one.splits for one in self.candidates}) > 1
