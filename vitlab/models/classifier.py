"""What every network here is: a backbone that describes an image, and a head that names it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype
from jaxtyping import Array, Float, Key, Num

from vitlab.models.layers import Dropout, Linear, kept_units

Images = Num[Array, "batch height width 3"]
Embedding = Float[Array, "batch embedding"]
Logits = Float[Array, "batch classes"]

# Twice those of ResNet-152. Each is built and compiled by itself, at a tenth of a second and more.
MOST_BLOCKS = 100

Scheme = Literal["unit", "unit bgr", "symmetric", "imagenet", "clip", "caffe"]

# Mean and standard deviation of red, green and blue in [0, 1].
STATISTICS = {
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "clip": ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)),
}


class Backbone(nnx.Module):
    """Turns images into embeddings, in two parts that meet where Grad-CAM looks.

    `features(images)` takes RGB images in [0, 255], normalises them as the published weights expect
    and stops at the last maps that still have positions, or before a transformer's last block;
    `pool(features)` does the rest: the mean over the positions, unless a network says otherwise.
    """

    input_size: int  # pixels per side; a ViT, CLIP's towers and a flattened CNN are bound to it
    embedding_width: int
    scheme: Scheme  # how `features` normalises
    halved = False  # whether it answers a batch faster in two halves on CPU (see `in_halves`)

    def features(self, images: Images) -> Array:
        raise NotImplementedError

    def pool(self, features: Array) -> Embedding:
        return features.mean(axis=(1, 2), dtype=jnp.float32)


def large_enough(input_size: int, smallest: int) -> int:
    """The input size itself. Raises ValueError if it is so small that no position would be left."""
    if input_size < smallest:
        raise ValueError(f"input size {input_size} is too small; it takes {smallest} pixels and more")
    return input_size


def few_enough(count: int, unit: str) -> None:
    """Of what a network is about to build. Raises ValueError if that would take minutes."""
    if count > MOST_BLOCKS:
        raise ValueError(f"{count:,} {unit} are too many; a network has up to {MOST_BLOCKS}")


def patch_count(input_size: int, patch: int) -> int:
    """Of a square image. Raises ValueError if they would not cover it."""
    if input_size % patch:
        raise ValueError(f"input size {input_size} is not a multiple of the patch, {patch}")
    return (input_size // patch) ** 2


@dataclass(frozen=True)
class HeadSettings:
    """What lies between the embedding and the logits.

    Attributes:
        hidden: units of a layer with ReLU before the one that answers; 0: no such layer.
        dropout: share of what the last layer reads that is dropped while the head trains.
    """

    hidden: int = 0
    dropout: float = 0.0


LINEAR = HeadSettings()


class LinearHead(Linear):
    """One layer, which starts at zero as in Dosovitskiy et al. 2021 (3.2)."""

    def __init__(self, width: int, num_classes: int, *, dropout: float = 0.0, rngs: nnx.Rngs):
        super().__init__(width, num_classes, kernel_init=nnx.initializers.zeros, rngs=rngs)
        self.dropout = Dropout(dropout)

    def __call__(self, embedding: Embedding) -> Logits:
        return super().__call__(self.dropout(embedding))


class HiddenHead(nnx.Module):
    """Linear, ReLU, dropout, linear (row S3-05); the hidden layer begins as He et al. 2015 have it."""

    def __init__(
        self, width: int, num_classes: int, *, hidden: int, dropout: float = 0.0, rngs: nnx.Rngs
    ):
        self.hidden = Linear(width, hidden, kernel_init=nnx.initializers.he_normal(), rngs=rngs)
        self.output = LinearHead(hidden, num_classes, dropout=dropout, rngs=rngs)

    def __call__(self, embedding: Embedding) -> Logits:
        return self.output(jax.nn.relu(self.hidden(embedding)))


def head_logits(
    head: Mapping[str, Array],
    embedding: Embedding,
    dropout: Float[Array, ""] | None = None,
    key: Key[Array, ""] | None = None,
) -> Logits:
    """What a head of either kind answers, by its arrays under their paths alone.

    So a program can be given any dropout and any number of hidden units, and many heads under `vmap`.
    """
    values = embedding
    output = "head/"
    if "head/hidden/kernel" in head:
        values = jax.nn.relu(values @ head["head/hidden/kernel"] + head["head/hidden/bias"])
        output = "head/output/"
    if dropout is not None and key is not None:
        # The head has one dropout, to which `give_keys` gives the first of its keys.
        kept = kept_units(jax.random.fold_in(key, 0), dropout, values.shape)
        values = jnp.where(kept, values / (1 - dropout), 0)
    return values @ head[f"{output}kernel"] + head[f"{output}bias"]


class Classifier(nnx.Module):
    """A backbone and a head, whose answers are all the same before it has learned."""

    def __init__(
        self, backbone: Backbone, num_classes: int, head: HeadSettings = LINEAR, *, rngs: nnx.Rngs
    ):
        self.backbone = backbone
        width, dropout = backbone.embedding_width, head.dropout
        self.head = (
            HiddenHead(width, num_classes, hidden=head.hidden, dropout=dropout, rngs=rngs)
            if head.hidden
            else LinearHead(width, num_classes, dropout=dropout, rngs=rngs)
        )

    def __call__(self, images: Images) -> Logits:
        return self.classify(self.embed(images))

    def embed(self, images: Images) -> Embedding:
        return self.backbone.pool(self.backbone.features(images))

    def classify(self, embedding: Embedding) -> Logits:
        return self.head(embedding.astype(jnp.float32))


def normalise(images: Images, scheme: Scheme, dtype: Dtype) -> Float[Array, "b h w 3"]:
    """RGB in [0, 255] as the publisher of a checkpoint fed it to the network.

    "unit" is [0, 1], and "unit bgr" turns RGB into BGR as well (Apple's CVNets); "symmetric" is
    [-1, 1] (Google, Keras applications); "imagenet" subtracts the mean of ImageNet's pixels and
    divides by their standard deviation (PyTorch, MXNet), and "clip" does so with those of CLIP's own
    images (OpenAI); "caffe" turns RGB into BGR and subtracts ImageNet's mean in [0, 255] (Keras's VGG
    and ResNet).
    """
    images = images.astype(dtype)
    if scheme in ("unit", "unit bgr"):
        return (images if scheme == "unit" else images[..., ::-1]) / 255
    if scheme == "symmetric":
        return images / 127.5 - 1
    if scheme == "caffe":
        return images[..., ::-1] - jnp.array([103.939, 116.779, 123.68], dtype)
    mean, deviation = (jnp.array(statistic, dtype) for statistic in STATISTICS[scheme])
    return (images / 255 - mean) / deviation
