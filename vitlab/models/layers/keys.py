"""What new layers draw their first values from: the keys and numbers of JAX, soon compiled."""

import math

import jax
import jax.numpy as jnp
from flax import nnx
from jax import lax
from jax.extend.random import define_prng_impl, threefry_prng_impl
from jaxtyping import Array, Key, UInt32

AT_ONCE = 64  # keys
ROTATIONS = (13, 15, 26, 6), (17, 29, 16, 24)
PARITY = 0x1BD11BDA


def random_bits(key: UInt32[Array, "2"], width: int, shape: tuple[int, ...]) -> Array:
    """The bits of JAX's own generator, Threefry-2x32 with 20 rounds (Salmon et al. 2011, "Parallel
    Random Numbers: As Easy as 1, 2, 3"), in one expression.

    On CPU JAX has a loop in its place, of several kernels, for each array that is drawn. With the rounds
    written out, the program that draws the values of a MobileNetV2 compiles in 0.5 (JAX 0.10) and 0.3
    (0.12) of the time.
    """
    if width != 32 or math.prod(shape) >= 2**32:
        return threefry_prng_impl.random_bits(key, width, shape)
    keys = key[0], key[1], key[0] ^ key[1] ^ jnp.uint32(PARITY)
    count = lax.iota(jnp.uint32, math.prod(shape)).reshape(shape)
    first, second = jnp.broadcast_to(keys[0], shape), count + keys[1]
    for group in range(5):
        for rotation in ROTATIONS[group % 2]:
            first = first + second
            second = first ^ ((second << rotation) | (second >> (32 - rotation)))
        first = first + keys[(group + 1) % 3]
        second = second + keys[(group + 2) % 3] + jnp.uint32(group + 1)
    return first ^ second


GENERATOR = define_prng_impl(
    key_shape=threefry_prng_impl.key_shape,
    seed=threefry_prng_impl.seed,
    split=threefry_prng_impl.split,
    random_bits=random_bits,
    fold_in=threefry_prng_impl.fold_in,
    name="vitlab_threefry2x32",
    tag="vitlab",
)


class Counted(nnx.RngStream):
    """The keys of an `nnx.RngStream`, counted by Python and made many at once.

    Flax counts in an array, which is traced where a network is built without being run. Each key then
    walks through all that was traced before: half of the time that building takes. And a key that is
    made alone is a loop of its own in the program that draws the values.
    """

    def __init__(self, key: Key[Array, ""] | int, *, tag: str):
        super().__init__(key, tag=tag)
        self.drawn = 0

    def __call__(self) -> Key[Array, ""]:
        if self.drawn % AT_ONCE == 0:
            numbers = jnp.arange(self.drawn, self.drawn + AT_ONCE, dtype=jnp.uint32)
            self.keys = jax.vmap(jax.random.fold_in, (None, 0))(self.key[...], numbers)
            if (
                str(jax.random.key_impl(self.keys)) == "threefry2x32"
            ):  # not what $JAX_DEFAULT_PRNG_IMPL says
                self.keys = jax.random.wrap_key_data(jax.random.key_data(self.keys), impl=GENERATOR)
        key = self.keys[self.drawn % AT_ONCE]
        self.drawn += 1
        return key


class RandomNumbers(nnx.Rngs):
    """For a network's layers; keys and numbers are those of `nnx.Rngs(seed)`."""

    def __init__(self, seed: int | Key[Array, ""]):
        super().__init__(seed)
        self.default = Counted(seed, tag="default")
