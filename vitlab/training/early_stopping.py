"""When to stop, and which epoch was the best."""

import math
from dataclasses import dataclass, replace
from typing import Literal


@dataclass(frozen=True)
class EarlyStopping:
    """The memory of a phase: its best epoch, and for how long what it monitors has not got better.

    The best epoch has the highest validation accuracy, and among those the lowest validation loss, for
    a small validation part gives many epochs the same accuracy; where the loss is monitored, the lowest
    loss comes first. Patience counts from the last epoch whose monitored score was better, by more
    than `min_delta`, than at the last such epoch: as in the studies and in Keras. So slow gains within
    `min_delta` end a phase, and its best epoch is kept all the same.
    """

    patience: int
    monitor: Literal["accuracy", "loss"] = "accuracy"
    min_delta: float = 0.0
    accuracy: float = -math.inf
    loss: float = math.inf
    best_epoch: int = 0
    waited: int = 0
    reference: float = -math.inf  # the monitored score of the last clear gain; more is better

    def after(self, epoch: int, accuracy: float, loss: float) -> "EarlyStopping":
        new, best = self._ranked(accuracy, loss), self._ranked(self.accuracy, self.loss)
        memory = replace(self, waited=self.waited + 1)
        if new[0] > self.reference + self.min_delta:
            memory = replace(memory, waited=0, reference=new[0])
        if new > best:
            memory = replace(memory, accuracy=accuracy, loss=loss, best_epoch=epoch)
        return memory

    def _ranked(self, accuracy: float, loss: float) -> tuple[float, float]:
        return (accuracy, -loss) if self.monitor == "accuracy" else (-loss, accuracy)

    @property
    def should_stop(self) -> bool:
        return 0 < self.patience <= self.waited
