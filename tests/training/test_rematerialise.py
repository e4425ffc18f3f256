"""Computing activations again changes the memory of a step, and nothing that the step computes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vitlab.config import Config, Model, Phase
from vitlab.errors import InputError
from vitlab.models import create, draw_blueprint, initialise
from vitlab.preparation import check_phases

SIZE = 32
NETWORKS: dict[str, dict] = {
    "vit": {"patch": 4, "width": 16, "depth": 6, "heads": 2, "mlp_width": 64, "input_size": SIZE},
    "mobilenet_v2": {"width": 0.1},
    "cnn": {"stages": ((8,),), "input_size": SIZE},
}


def gradient_of(name: str, *, rematerialised: bool):
    """The compiled gradient of a loss of all logits, and what to call it with."""
    network, parameters, statistics = initialise(
        lambda: create(name, num_classes=3, **NETWORKS[name]), {}
    )
    kernel = parameters["head/kernel"]
    parameters["head/kernel"] = jax.random.normal(jax.random.key(0), kernel.shape)
    images = np.random.default_rng(0).integers(0, 256, (32, SIZE, SIZE, 3)).astype(np.uint8)

    def loss(parameters, statistics, images):
        logits, moved = network.train(
            parameters, statistics, images, moves=True, rematerialised=rematerialised
        )
        return jnp.mean(jax.nn.logsumexp(logits, axis=-1) - logits[:, 0]), moved

    arguments = (parameters, statistics, jnp.asarray(images))
    compiled = jax.jit(jax.value_and_grad(loss, has_aux=True)).lower(*arguments).compile()
    return compiled, arguments


@pytest.mark.parametrize("name", ["vit", "mobilenet_v2"])
def test_loss_gradient_and_statistics_are_the_same_in_less_memory(name: str):
    kept, arguments = gradient_of(name, rematerialised=False)
    again, _ = gradient_of(name, rematerialised=True)
    before, after = (one.memory_analysis().temp_size_in_bytes for one in (kept, again))
    assert after < 0.6 * before
    expected, found = kept(*arguments), again(*arguments)
    largest = max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(expected[1]))
    jax.tree.map(
        lambda one, other: np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5 * largest),
        expected,
        found,
    )


def test_a_network_without_blocks_is_refused():
    with pytest.raises(InputError, match=r"no blocks .* leave `rematerialise` of its phases off"):
        gradient_of("cnn", rematerialised=True)


@pytest.mark.parametrize(
    ("name", "trainable", "message"),
    [
        ("cnn_gap", ".*", "phases.p.rematerialise: this network has no blocks"),
        ("vit_ti16", "head/.*", "this one trains the head alone"),
    ],
)
def test_where_it_does_nothing_it_is_refused_before_an_image_is_read(
    name: str, trainable: str, message: str
):
    phase = Phase(trainable=(trainable,), epochs=1, rematerialise=True)
    config = Config(model=Model(name=name), phases={"p": phase})
    with pytest.raises(InputError, match=message):
        check_phases(config, draw_blueprint(config.model))
