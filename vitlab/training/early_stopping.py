"""When to stop, and which epoch was the best."""

import math
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class EarlyStopping:
    """The memory of a phase: its best epoch, and for how long the accuracy has not risen.

    The best epoch has the highest validation accuracy, and among those the lowest validation loss:
    a small validation part gives many epochs the same accuracy. Patience counts from the last rise
    of the accuracy alone, as in the studies.
    """

    patience: int
    accuracy: float = -math.inf
    loss: float = math.inf
    best_epoch: int = 0
    waited: int = 0

    def after(self, epoch: int, accuracy: float, loss: float) -> "EarlyStopping":
        waited = 0 if accuracy > self.accuracy else self.waited + 1
        if (accuracy, -loss) > (self.accuracy, -self.loss):
            return replace(self, accuracy=accuracy, loss=loss, best_epoch=epoch, waited=waited)
        return replace(self, waited=waited)

    @property
    def should_stop(self) -> bool:
        return 0 < self.patience <= self.waited
