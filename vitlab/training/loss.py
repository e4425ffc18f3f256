"""What a phase goes down: the objective of each example, from its logits and its label."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int

from vitlab.config import Phase
from vitlab.data import Mixture

Labels = Int[Array, "batch"]
Logits = Float[Array, "batch classes"]
# logits, labels -> the loss of each example
Objective = Callable[[Logits, Labels], Float[Array, "batch"]]

cross_entropy: Objective = optax.softmax_cross_entropy_with_integer_labels


def make_objective(phase: Phase, labels: np.ndarray) -> Objective:
    """The loss that a phase asks for. `labels` are those of the training part, for class weights.

    Balanced weights are examples / (classes that occur x examples of the class), so that their mean
    over the training part is 1, as scikit-learn has it.
    """
    plain = _focal(phase.focal_gamma) if phase.loss == "focal" else _smoothed(phase.label_smoothing)
    if phase.class_weights == "none":
        return plain
    counts = np.bincount(labels)
    present = np.count_nonzero(counts)
    weights = jnp.asarray(len(labels) / (present * np.maximum(counts, 1)), jnp.float32)
    return lambda logits, labels: weights[labels] * plain(logits, labels)


def mixed(objective: Objective, logits: Logits, targets: Labels | Mixture) -> Float[Array, "batch"]:
    """The loss of each example; of a mixture, that of its two labels by their shares."""
    if not isinstance(targets, Mixture):
        return objective(logits, targets)
    losses = targets.share * objective(logits, targets.labels)
    return losses + (1 - targets.share) * objective(logits, targets.others)


def _smoothed(share: float) -> Objective:
    """Cross-entropy against (1 - share) of the label and share / classes of every class."""
    if not share:
        return cross_entropy

    def loss(logits: Logits, labels: Labels) -> Float[Array, "batch"]:
        spread = -jnp.mean(jax.nn.log_softmax(logits), axis=-1)
        return (1 - share) * cross_entropy(logits, labels) + share * spread

    return loss


def _focal(gamma: float) -> Objective:
    """(1 - p)^gamma times the cross-entropy, p the probability of the label (Lin et al. 2017, eq. 4)."""

    def loss(logits: Logits, labels: Labels) -> Float[Array, "batch"]:
        losses = cross_entropy(logits, labels)
        # Not below the smallest normal number: the slope of x^gamma at 0 is infinite for gamma < 1.
        missing = jnp.maximum(-jnp.expm1(-losses), jnp.finfo(losses.dtype).tiny)
        return missing**gamma * losses

    return loss
