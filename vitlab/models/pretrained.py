"""A network from a config: its preset, its options, and the published weights that it starts from."""

import dataclasses
import math
from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import jax
from jaxtyping import Array, Key

from vitlab import config, weights
from vitlab.errors import InputError
from vitlab.models.classifier import LINEAR, Classifier, HeadSettings
from vitlab.models.clip import CLIPText
from vitlab.models.functional import Arrays, Shapes, arrays, initialise, outline
from vitlab.models.presets import PRESETS
from vitlab.models.registry import create, create_text, preset
from vitlab.models.saved import ModelCard, SavedModel, card_of
from vitlab.progress import say
from vitlab.weights import Checkpoint, Preprocessing, Published


@dataclass(frozen=True)
class Blueprint:
    """All of a network but its arrays and the number of its classes; `options` are complete.

    `earlier` is the card of the model of an earlier run, where that is what the weights are; its head
    may be another than the network will have.
    """

    name: str
    options: Mapping[str, Any]
    preprocessing: Preprocessing
    published: Published | None
    earlier: ModelCard | None
    head: HeadSettings = LINEAR

    def build(self, num_classes: int, seed: int = 0) -> Classifier:
        return create(self.name, num_classes=num_classes, seed=seed, head=self.head, **self.options)

    @cached_property
    def shapes(self) -> tuple[Shapes, Shapes]:
        """Of parameters and of statistics, with a head of one class."""
        _, parameters, statistics = outline(lambda: self.build(1))
        return parameters, statistics

    @cached_property
    def in_file(self) -> "Blueprint":
        """The same network with the head that the weights were published with."""
        head = self.earlier.head if self.earlier else LINEAR
        return self if head == self.head else dataclasses.replace(self, head=head)

    @property
    def origin(self) -> dict[str, Any]:
        """Where the weights come from, for the manifest."""
        if self.published is None:
            return {"weights": None}
        return dict(self.published.origin)


def draw_blueprint(settings: config.Model) -> Blueprint:
    """The network that a config names, its weights read and found to fit.

    What the config leaves open is as the weights' publisher had it: first as the file's layout implies,
    then as the catalogue says of this one checkpoint, then as an earlier run's model says of itself.

    Raises:
        InputError: an unknown network or option, or weights that cannot be read or do not fit.
    """
    chosen = preset(settings.name)
    for key in ("input_size", "dtype"):
        if key in settings.options:
            raise InputError(f"model.options.{key}: set model.{key} in its place")
    published, earlier = None, None
    options, preprocessing = dict(chosen.options), chosen.preprocessing
    if settings.weights:
        _check_network(settings, weights.named(settings.weights))
        path, checkpoint = weights.locate(settings.weights)
        published = weights.open_published(path, chosen.family, checkpoint)
        options |= published.layout.options
        if checkpoint:
            options |= checkpoint.options
            preprocessing = checkpoint.preprocessing
        if published.layout.publisher == weights.OURS:
            earlier = card_of(published.path)
            if earlier.name != settings.name:
                raise InputError(_of_another(published.path, earlier.name, settings.name))
            published = published.remembering(earlier.origin)
            options |= earlier.options
            preprocessing = earlier.preprocessing
    size = settings.input_size or preprocessing.size
    options |= {**settings.options, "input_size": size, "dtype": settings.dtype}
    preprocessing = dataclasses.replace(preprocessing, size=size)
    head = HeadSettings(settings.hidden, settings.dropout)
    blueprint = Blueprint(settings.name, options, preprocessing, published, earlier, head)
    _ = blueprint.shapes  # what is wrong with the network is found before what does not fit it
    parameters, statistics = blueprint.in_file.shapes
    if published:
        _check_fit(published, settings.name, parameters | statistics)
        if "heads" in options:
            published.check_heads(options["heads"])
    return blueprint


def first_model(
    blueprint: Blueprint, class_names: tuple[str, ...], resize: str, seed: int
) -> SavedModel:
    """The network with its published weights; what they leave open is drawn from `seed`."""
    classes = len(class_names)

    def build() -> Classifier:
        return blueprint.build(classes, seed)

    given = {}
    parameters, _ = (weights.with_classes(shapes, classes) for shapes in blueprint.shapes)
    if blueprint.published:
        in_file = (weights.with_classes(shapes, classes) for shapes in blueprint.in_file.shapes)
        filled = blueprint.published.fill(dict(ChainMap(*in_file)))
        given = filled.arrays
        layout = blueprint.published.layout.publisher
        has_head, head_of = filled.has_head, str(filled.classes_in_file or "")
        known = blueprint.earlier.class_names if blueprint.earlier else ()
        is_of_others = has_head and known and known != class_names
        is_of_another_shape = blueprint.head.hidden != blueprint.in_file.head.hidden
        if is_of_others or is_of_another_shape:
            given = {path: array for path, array in given.items() if not path.startswith("head/")}
            has_head, head_of = False, f"{head_of} other" if is_of_others else head_of
        head = _about_head(head_of, has_head, classes)
        say(f"weights  {blueprint.published.path}, in the layout of {layout}; {head}")
    else:
        say("weights  random: the network learns from nothing")
    card = ModelCard(
        name=blueprint.name,
        options=dict(blueprint.options),
        class_names=class_names,
        preprocessing=blueprint.preprocessing,
        resize=resize,
        parameters=sum(math.prod(shape) for shape in parameters.values()),
        origin=blueprint.origin,
        trained={},
        head=blueprint.head,
    )
    return SavedModel(card, *initialise(build, given))


def head_drawer(blueprint: Blueprint, classes: int) -> Callable[[int], Arrays]:
    """A function from a seed to a new head by its paths, as `first_model` draws it with that seed."""

    @jax.jit
    def draw(key: Key[Array, ""]) -> Arrays:
        parameters, _ = arrays(
            create(
                blueprint.name, num_classes=classes, seed=key, head=blueprint.head, **blueprint.options
            )
        )
        return {path: array for path, array in parameters.items() if path.startswith("head/")}

    return lambda seed: draw(jax.random.key(seed))


def load_text(name: str, published: str, **options: Any) -> CLIPText:
    """CLIP's text tower, from the published file (or name) that its image tower `name` is from.

    Raises:
        InputError: there is no such CLIP, or the weights cannot be read or do not fit.
    """
    checkpoint = weights.named(published)
    if checkpoint and checkpoint.model != name:
        raise InputError(_of_another(published, checkpoint.model, name))
    path, checkpoint = weights.locate(published)
    found = weights.open_published(path, "clip_text", checkpoint)
    stated = checkpoint.text_options if checkpoint else {}

    def build() -> CLIPText:
        return create_text(name, **{**found.layout.options, **stated, **options})

    _, shapes, _ = outline(build)
    network, parameters, _ = initialise(build, found.fill(shapes).arrays)
    return network.module(parameters, {})


def _check_fit(published: Published, name: str, shapes: Shapes) -> None:
    """Raises InputError if the file does not fit; it begins with the networks that it fits, if any."""
    try:
        published.check(shapes)
    except weights.Misfit as misfit:
        fitting = published.fitting(_relatives(name, published))
        if not fitting or name in fitting:  # then it is the options that do not fit
            raise
        known = " or ".join(fitting)
        hint = f"weights {published.path} fit {known}, not {name}; name the network that they are of"
        raise InputError(hint, *misfit.args) from misfit


def _relatives(name: str, published: Published) -> Iterator[tuple[str, Shapes]]:
    """The networks of the family as they come, and their shapes."""
    family = preset(name).family
    for other, one in PRESETS.items():
        if one.family == family and not one.left_open:
            options = {**one.options, **published.layout.options}
            _, parameters, statistics = outline(partial(create, other, num_classes=1, **options))
            yield other, parameters | statistics


def _check_network(settings: config.Model, checkpoint: Checkpoint | None) -> None:
    """A checkpoint's file fits other networks too, which would compute something else with it."""
    if checkpoint is None:
        return
    ours, theirs = preset(settings.name), preset(checkpoint.model)
    complete = [{**one.options, **settings.options} for one in (ours, theirs)]
    if ours.family != theirs.family or complete[0] != complete[1]:
        raise InputError(_of_another(settings.weights, checkpoint.model, settings.name))


def _of_another(file: str | Path, theirs: str, ours: str) -> str:
    return f"weights {file} are of the network {theirs}, not of {ours}; name {theirs} as the network"


def _about_head(head_of: str, taken: bool, classes: int) -> str:
    if taken:
        return f"its head for {classes} classes is kept"
    if not head_of:
        return f"it has no head, so a new one for {classes} classes is added"
    return f"its head for {head_of} classes is replaced by a new one for {classes}"
