"""The network behind a name: its layers, and what an answer costs on this machine."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vitlab import files
from vitlab.errors import InputError
from vitlab.models import (
    PRESETS,
    TIMED_ANSWERS,
    Classifier,
    Layer,
    NetworkFacts,
    Operator,
    create,
    initialise,
    layer_table,
    network_facts,
    operators,
    preset,
)
from vitlab.names import unknown
from vitlab.progress import say, track
from vitlab.reporting import network_chart, timed_device
from vitlab.text_table import UNKNOWN, text_table
from vitlab.weights import Checkpoint, best_checkpoint

CHOICE = (
    *("network", "size", "MB", "parameters", "layers", "GFLOPs", "ms"),
    *("top-1", "top-5", "of the weights"),
)


def describe(
    name: str,
    options: Mapping[str, Any],
    classes: int,
    input_size: int | None,
    depth: int,
    diagram: str | None,
) -> None:
    """Prints the layers of a network, and draws them if asked.

    Raises:
        InputError: an unknown network or option, a size that it cannot have, or a file that cannot
            be written.
    """
    size = input_size or preset(name).preprocessing.size
    if "input_size" in options:
        raise InputError("--options has input_size: set --input_size in its place")

    def build() -> Classifier:
        return create(name, num_classes=classes, **{**options, "input_size": size})

    layers = layer_table(build, depth)
    parameters = sum(layer.parameters for layer in layers)
    statistics = sum(layer.statistics for layer in layers)
    say(f"{name} at {size} pixels, {classes} classes", "")
    say(*_layer_text(layers).split("\n"), "")
    say(
        f"{parameters:,} parameters"
        + (f", and {statistics:,} statistics of batch norm" if statistics else "")
        + f": {4 * (parameters + statistics) / 1e6:.1f} MB in float32"
    )
    table = operators(name, options, size)
    if table:
        say("", "As the paper tabulates it (Sandler et al. 2018, table 2), at this width and size:", "")
        say(*_operator_text(table).split("\n"), "", "k: the classes")
    if diagram:
        files.write_text(Path(diagram), network_chart([dataclasses.asdict(row) for row in layers], name))
        say("", f"diagram: {diagram}")


def choose(
    names: Sequence[str], classes: int, input_size: int | None, output: Path | None = None
) -> None:
    """Prints a table to choose a network by, measured here but for the accuracy (row S2-12).

    `output` gets the same as JSON, a row for each network.

    Raises:
        InputError: an unknown network, one that is nothing without options, a size that one cannot
            have, or a file that cannot be written.
    """
    for name in names:
        if name not in PRESETS:
            raise InputError(unknown("model", name, PRESETS, "--choose"))
        needed = preset(name).left_open
        if needed:
            raise InputError(
                f"{name} is a network only with options ({', '.join(needed)}), and --choose has none; "
                f"leave it out, or see --model={name} --options={needed[0]}=..."
            )
    choices = [
        _choice(name, classes, input_size) for name in track(names, len(names), "measuring", "networks")
    ]
    device = timed_device(dataclasses.asdict(choices[0].facts))
    explained = f"""
size     pixels per side
MB       of the weights in float32
layers   convolutions and dense layers, without those of shortcuts
GFLOPs   of the compiled program, for one image
ms       for one image on {device}: the median of {TIMED_ANSWERS} answers
top-1, top-5   percent on ImageNet-1k, as the publisher of the weights states, of the best ones for
         this size, or else for the network's own; CLIP's zero-shot; -: not stated

What is measured is the network with the options that the catalogue has for these weights."""
    rows = text_table(CHOICE, [_choice_text(choice) for choice in choices])
    say(*rows.split("\n"), *explained.split("\n"))
    if output:
        files.write_json(output, [_choice_row(choice) for choice in choices])
        say("", f"table: {output}")


@dataclass(frozen=True)
class Choice:
    """A network as it was measured, and the weights that it was built for, if there are any."""

    name: str
    facts: NetworkFacts
    checkpoint: Checkpoint | None


def _choice(name: str, classes: int, input_size: int | None) -> Choice:
    """The network at its own size unless another is given, as the best weights need it."""
    own_size = preset(name).preprocessing.size
    size = input_size or own_size
    checkpoint = best_checkpoint(name, size) or best_checkpoint(name, own_size)
    options = checkpoint.options if checkpoint else {}

    def build() -> Classifier:
        return create(name, num_classes=classes, **options, input_size=size)

    return Choice(name, network_facts(*initialise(build, {}), size), checkpoint)


def _choice_text(choice: Choice) -> tuple[str, ...]:
    facts, checkpoint = choice.facts, choice.checkpoint

    def percent(value: float | None) -> str:
        return UNKNOWN if value is None else f"{value:.1f}"

    return (
        choice.name,
        str(facts.input_size),
        f"{facts.weights_bytes / 1e6:.1f}",
        f"{facts.parameters:,}",
        str(facts.layers),
        UNKNOWN if facts.flops is None else f"{facts.flops / 1e9:.2f}",
        f"{facts.milliseconds:.1f}",
        percent(checkpoint.top1 if checkpoint else None),
        percent(checkpoint.top5 if checkpoint else None),
        checkpoint.tag if checkpoint else UNKNOWN,
    )


def _choice_row(choice: Choice) -> dict[str, Any]:
    """For JSON; what nobody states is null."""
    checkpoint = choice.checkpoint
    return {
        "network": choice.name,
        **dataclasses.asdict(choice.facts),
        "weights": checkpoint.name if checkpoint else None,
        "top1": checkpoint.top1 if checkpoint else None,
        "top5": checkpoint.top5 if checkpoint else None,
    }


def _layer_text(layers: Sequence[Layer]) -> str:
    rows = [
        (
            layer.path,
            layer.kind,
            " x ".join(map(str, layer.output)) if layer.output else UNKNOWN,
            f"{layer.parameters:,}",
        )
        for layer in layers
    ]
    return text_table(("layer", "type", "output", "parameters"), rows, left=3)


def _operator_text(table: Sequence[Operator]) -> str:
    rows = [
        (
            f"{row.size}x{row.size}x{row.channels}",
            row.operator,
            *(
                UNKNOWN if number is None else str(number)
                for number in (row.expansion, row.out_channels, row.repeats, row.stride)
            ),
        )
        for row in table
    ]
    return text_table(("input", "operator", "t", "c", "n", "s"), rows, left=2)
