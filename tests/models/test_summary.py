"""The layer table and the facts of a network."""

import jax
import jax.numpy as jnp
import pytest

from vitlab.models import Network, create, initialise, layer_table, network_facts, operators, outline
from vitlab.models.mobilenet_v2 import rounded
from vitlab.processor import core_count, processor_name


def test_s1_06_the_dogs_network_layer_by_layer():
    rows = layer_table(lambda: create("cnn_gap", num_classes=3))
    assert [(row.kind, row.output, row.parameters) for row in rows] == [
        ("Convolution", (222, 222, 64), 1_792),
        ("Convolution", (109, 109, 64), 36_928),
        ("Convolution", (52, 52, 128), 73_856),
        ("Linear", (32,), 4_128),
        ("pool", (32,), 0),
        ("Linear", (3,), 99),
    ]


def test_the_network_is_built_once_for_its_table():
    built = []

    def build():
        built.append(create("cnn_gap", num_classes=3))
        return built[-1]

    layer_table(build)
    assert len(built) == 1


@pytest.mark.parametrize("depth", [1, 2, 9])
@pytest.mark.parametrize("name", ["vit_ti16", "mobilenet_v2_035", "clip_resnet50"])
def test_the_rows_of_any_depth_add_up_to_the_network(name: str, depth: int):
    def build():
        return create(name, num_classes=7, input_size=64)

    rows = layer_table(build, depth)
    _, parameters, statistics = outline(build)
    assert sum(row.parameters for row in rows) == sum(jnp.zeros(s).size for s in parameters.values())
    assert sum(row.statistics for row in rows) == sum(jnp.zeros(s).size for s in statistics.values())
    assert len({row.path for row in rows}) == len(rows)
    assert rows[-1].path == "head"
    assert rows[-1].output == (7,)
    if depth > 1:
        assert rows[0].path.startswith(("backbone/stem", "backbone/patches"))


def test_at_depth_1_the_embedding_is_what_the_backbone_gives():
    rows = layer_table(lambda: create("cnn_gap", num_classes=3), depth=1)
    assert [(row.path, row.output) for row in rows] == [("backbone", (32,)), ("head", (3,))]


def test_the_last_block_of_a_vit_stands_in_the_table_with_what_is_read_of_it():
    rows = layer_table(lambda: create("vit_ti16", num_classes=3, input_size=64))
    assert {row.path: row.output for row in rows if "blocks/1" in row.path} == {
        "backbone/blocks/1": (17, 192),
        "backbone/blocks/10": (17, 192),
        "backbone/blocks/11": (1, 192),
    }


def test_layers_within_a_block_stand_in_the_table_with_what_they_give():
    rows = layer_table(lambda: create("mobilenet_v2", num_classes=3, input_size=64), depth=9)
    norms = {row.path: row.output for row in rows if "blocks/1/" in row.path and "norm" in row.path}
    assert norms == {
        "backbone/blocks/1/expand/norm": (32, 32, 96),
        "backbone/blocks/1/filter/norm": (16, 16, 96),
        "backbone/blocks/1/project/norm": (16, 16, 24),
    }


def test_the_last_stage_of_cvt_stands_in_the_table_with_its_class_token():
    rows = layer_table(lambda: create("cvt13", num_classes=3, depths=(1, 1, 2), input_size=64))
    assert [(row.path, row.output) for row in rows if "stages" in row.path] == [
        ("backbone/stages/0", (16, 16, 64)),
        ("backbone/stages/1", (8, 8, 192)),
        ("backbone/stages/2", (17, 384)),
    ]


def test_s0_12_the_table_of_mobilenet_v2_is_the_papers():
    """Sandler et al. 2018, table 2."""
    rows = operators("mobilenet_v2", {}, 224)
    assert [(row.size, row.channels, row.operator) for row in rows] == [
        (224, 3, "conv2d 3x3"),
        (112, 32, "bottleneck"),
        (112, 16, "bottleneck"),
        (56, 24, "bottleneck"),
        (28, 32, "bottleneck"),
        (14, 64, "bottleneck"),
        (14, 96, "bottleneck"),
        (7, 160, "bottleneck"),
        (7, 320, "conv2d 1x1"),
        (7, 1280, "avgpool 7x7"),
        (1, 1280, "conv2d 1x1"),
    ]
    assert [(row.expansion, row.out_channels, row.repeats, row.stride) for row in rows[1:8]] == [
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    ]
    assert [(row.expansion, row.out_channels, row.repeats, row.stride) for row in rows[8:]] == [
        (None, 1280, 1, 1),
        (None, None, 1, None),
        (None, "k", None, None),
    ]


def test_the_table_of_mobilenet_v2_says_what_is_built_at_another_width_and_size():
    blocks = layer_table(lambda: create("mobilenet_v2_035", num_classes=2, input_size=100))
    table = operators("mobilenet_v2_035", {}, 100)
    built = {row.path: row.output for row in blocks}
    assert built["backbone/stem"] == (table[1].size, table[1].size, table[1].channels)
    assert built["backbone/blocks/16"] == (table[8].size, table[8].size, rounded(320 * 0.35))
    assert built["backbone/last"] == (table[9].size, table[9].size, table[9].channels)


def test_a_width_of_ones_own_is_in_the_table_and_other_networks_have_none():
    assert operators("mobilenet_v2", {"width": 0.5}, 224)[1].channels == 16
    assert operators("resnet18", {}, 224) == []


def test_the_facts_are_of_the_program_with_the_options_of_the_network(monkeypatch):
    built = initialise(lambda: create("cnn", num_classes=3, input_size=32, stages=((4,),)), {})
    monkeypatch.setattr(Network, "compiler_options", lambda network: {"xla_cpu_of_another_day": "none"})
    with pytest.raises(jax.errors.JaxRuntimeError, match="xla_cpu_of_another_day"):
        network_facts(*built, 32)


def test_the_facts_count_what_the_program_computes():
    def build():
        return create("cnn", num_classes=3, input_size=32, stages=((4,),), dense=(5,))

    facts = network_facts(*initialise(build, {}), 32)
    assert (facts.device, facts.cores) == (processor_name(), core_count())
    assert facts.parameters == 4 * 28 + 5 * 5 + 3 * 6
    assert facts.weights_bytes == 4 * facts.parameters
    assert facts.layers == 3
    products = 2 * 30 * 30 * 4 * 27
    assert facts.flops is not None
    assert products <= facts.flops <= 1.3 * products
    assert 0 < facts.milliseconds < 1000


def test_shortcuts_are_no_layers_of_their_own():
    def build():
        return create("resnet18", num_classes=2, input_size=32)

    assert network_facts(*initialise(build, {}), 32).layers == 18
