"""A published checkpoint as one file of vitlab's own, which says itself what it needs."""

from pathlib import Path

from vitlab import config
from vitlab.errors import InputError
from vitlab.models.pretrained import draw_blueprint
from vitlab.models.saved import ModelCard, save_converted


def convert(settings: config.Model, output: Path) -> ModelCard:
    """Writes what `model.weights` holds to `output`, its head with as many classes as it has.

    Raises:
        InputError: the weights cannot be read or do not fit, or `output` cannot be written or is the
            very file that they are read from.
    """
    blueprint = draw_blueprint(settings).in_file
    if blueprint.published is None:
        raise InputError("there are no weights to convert; name a file or a checkpoint")
    if output.exists() and output.samefile(blueprint.published.path):
        raise InputError(
            f"{output} is the file that the weights are read from, and a conversion never takes its "
            "place; choose another --output"
        )
    parameters, statistics = blueprint.shapes
    arrays = blueprint.published.arrays(parameters | statistics)
    card = ModelCard(
        name=blueprint.name,
        options=dict(blueprint.options),
        class_names=blueprint.earlier.class_names if blueprint.earlier else (),
        preprocessing=blueprint.preprocessing,
        resize=blueprint.earlier.resize if blueprint.earlier else "crop",
        parameters=sum(array.size for path, array in arrays.items() if path in parameters),
        origin=blueprint.origin,
        trained=blueprint.earlier.trained if blueprint.earlier else {},
        met=blueprint.earlier.met if blueprint.earlier else "",
        head=blueprint.head,
    )
    save_converted(output, card, arrays)
    return card
