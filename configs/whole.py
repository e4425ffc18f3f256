"""All of a pretrained network at once, until the validation loss no longer falls.

    python -m vitlab.main --config=configs/whole.py:resnet101_v2 \\
        --config.dataset.path=FOLDER --config.model.weights=FILE_OR_NAME --workdir=runs/whole

The schedule of the study of cartoon characters (rows S2-11 and S2-15): Adam at 1e-4 on every layer,
until two epochs have not lowered the validation loss by more than 0.01. Statistics of batch norm move,
as they did there.
"""

from ml_collections import ConfigDict

from vitlab.config import defaults, phase


def get_config(model: str = "resnet101_v2") -> ConfigDict:
    config = defaults()
    config.model.name = model
    config.phases.all = phase(
        trainable=(".*",),
        optimizer="adam",
        learning_rate=1e-4,
        epochs=50,
        monitor="loss",
        min_delta=1e-2,
        patience=2,
        batch_norm="update",
    )
    return config
