"""When to stop, and which epoch was the best."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class EarlyStopping:
    """The memory of a phase: the best validation accuracy, its epoch, and how long ago that was.

    The first of several equally good epochs is the best.
    """

    patience: int
    best: float = float("-inf")
    best_epoch: int = 0
    waited: int = 0

    def after(self, epoch: int, accuracy: float) -> "EarlyStopping":
        if accuracy > self.best:
            return replace(self, best=accuracy, best_epoch=epoch, waited=0)
        return replace(self, waited=self.waited + 1)

    @property
    def should_stop(self) -> bool:
        return 0 < self.patience <= self.waited
