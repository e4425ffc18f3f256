"""What a network is made of: its layers, their output and their size, and what an answer costs."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array

from vitlab.models.classifier import Classifier, HiddenHead
from vitlab.models.functional import Arrays, Network, Shapes, shapes
from vitlab.models.mobilenet_v2 import Operator
from vitlab.models.registry import preset
from vitlab.processor import core_count, processor_name

TIMED_ANSWERS = 20


@dataclass(frozen=True)
class Layer:
    """A row of the table.

    Attributes:
        path: of its parameters, or of the step that has none.
        kind: its class; "Param" for an array that belongs to no smaller layer.
        output: its shape for one image (of an array, its own); None where only its arrays are used.
        parameters: numbers that it learns.
        statistics: numbers that batch norm measures.
    """

    path: str
    kind: str
    output: tuple[int, ...] | None
    parameters: int
    statistics: int


@dataclass(frozen=True)
class NetworkFacts:
    """What speaks for a network and against it.

    Attributes:
        weights_bytes: of its parameters and statistics in float32.
        layers: convolutions and dense layers, without those of shortcuts: the 50 of ResNet-50.
        flops: of one image through the compiled program, as XLA counts them; None where the backend
            does not say.
        milliseconds: of one image, the median of TIMED_ANSWERS answers on `device`.
        cores: of the processor, where that is the device.
    """

    input_size: int
    parameters: int
    weights_bytes: int
    layers: int
    flops: float | None
    milliseconds: float
    device: str
    cores: int | None = None


def layer_table(build: Callable[[], Classifier], depth: int = 2) -> list[Layer]:
    """The layers of the network that `build` gives, in its own order; nothing is computed.

    Depth 1 is the backbone and the head, 2 their parts, and so on; what lies deeper is summed up.
    The parameters of all rows together are the network's. The last block of a transformer gives one
    token where only the class token is read after it.
    """
    rows: list[tuple[str, str]] = []
    parameters: Shapes = {}
    statistics: Shapes = {}

    def trace() -> dict[str, Array]:
        module = build()
        rows.extend(_rows(module, depth))
        for found, of_kind in zip((parameters, statistics), shapes(module), strict=True):
            found.update(of_kind)
        size = module.backbone.input_size
        # Whatever a public method returns is captured, so it must be arrays.
        answer = nnx.capture(module, nnx.Intermediate, method_outputs=nnx.Intermediate)
        _, seen = answer(jnp.zeros((1, size, size, 3), jnp.uint8))
        return {"/".join(map(str, path)): leaf.get_value()[-1] for path, leaf in nnx.to_flat_state(seen)}

    outputs = {
        path.removesuffix("/__call__"): tuple(output.shape[1:])
        for path, output in jax.eval_shape(trace).items()
    }
    # A backbone has no `__call__`, and what it inherits, as `pool`, is not captured.
    outputs["backbone"] = outputs["backbone/pool"] = outputs["embed"]
    return [
        Layer(
            path,
            kind,
            outputs.get(path, parameters.get(path)),
            _count(parameters, path),
            _count(statistics, path),
        )
        for path, kind in rows
    ]


def operators(name: str, options: Mapping[str, Any], input_size: int) -> list[Operator]:
    """The table that the paper of a network is known by (row S0-12); empty where it has none."""
    chosen = preset(name)
    if chosen.operators is None:
        return []
    return chosen.operators({**chosen.options, **options}, input_size)


def network_facts(
    network: Network, parameters: Arrays, statistics: Arrays, input_size: int
) -> NetworkFacts:
    """Compiles the network for one image, and measures it on the first device of this process."""
    device = jax.local_devices()[0]
    image = np.zeros((1, input_size, input_size, 3), np.uint8)
    parameters, statistics, image = jax.device_put((parameters, statistics, image), device)
    answer = jax.jit(network, compiler_options=network.compiler_options())
    program = answer.lower(parameters, statistics, image).compile()
    seconds = []
    for _ in range(1 + TIMED_ANSWERS):  # the first one warms up
        began = time.perf_counter()
        jax.block_until_ready(program(parameters, statistics, image))
        seconds.append(time.perf_counter() - began)
    counted = program.cost_analysis() or {}
    kernels = [path for path in parameters if path.endswith("/kernel")]
    is_processor = device.platform == "cpu"
    return NetworkFacts(
        input_size=input_size,
        parameters=sum(array.size for array in parameters.values()),
        weights_bytes=sum(array.nbytes for array in (parameters | statistics).values()),
        layers=sum("/shortcut/" not in path for path in kernels),
        flops=counted.get("flops"),
        milliseconds=1000 * median(seconds[1:]),
        device=processor_name() if is_processor else device.device_kind,
        cores=core_count() if is_processor else None,
    )


def _rows(module: Classifier, depth: int) -> Iterator[tuple[str, str]]:
    """Path and kind of every row; the embedding stands between the backbone and the head."""
    if depth > 1:
        yield from _parts(module.backbone, "backbone/", depth - 1)
        yield "backbone/pool", "pool"
        yield from _head(module.head)
    else:
        yield from _parts(module, "", 1)


def _head(head: nnx.Module) -> Iterator[tuple[str, str]]:
    if isinstance(head, HiddenHead):
        yield "head/hidden", "Linear"
        yield "head/output", "Linear"
    else:
        yield "head", "Linear"


def _parts(module: nnx.Module, above: str, depth: int) -> Iterator[tuple[str, str]]:
    """What holds parameters, down to `depth`; a list of layers is no level of its own."""
    for name, part in _named(module):
        path = above + name
        if isinstance(part, nnx.Param):
            yield path, "Param"
        elif isinstance(part, nnx.List):
            yield from _parts(part, f"{path}/", depth)
        elif isinstance(part, nnx.Module) and jax.tree.leaves(nnx.state(part)):
            below = any(isinstance(inner, nnx.Module) for _, inner in _named(part))
            if depth > 1 and below:
                yield from _parts(part, f"{path}/", depth - 1)
            else:
                yield path, type(part).__name__


def _named(module: nnx.Module) -> list[tuple[str, Any]]:
    if isinstance(module, nnx.List):
        return [(str(index), part) for index, part in enumerate(module)]
    return list(vars(module).items())


def _count(shapes: Shapes, path: str) -> int:
    """Numbers in the arrays at `path` and below."""
    return sum(math.prod(shape) for name, shape in shapes.items() if f"{name}/".startswith(f"{path}/"))
