"""The study of cartoon characters: all of ResNet101V2 at once (rows S2-11 and S2-15).

    python -m vitlab.main --config=experiments/simpsons/config.py \\
        --config.dataset.path=FOLDER --config.model.weights=FILE_OR_NAME --workdir=runs/simpsons

configs/whole.py at 128 pixels (S2-07), with the figures that the study reported of its test images. What
it reported of a network of its own is not here: which of its three that was is not known.
"""

from ml_collections import ConfigDict

from configs import whole


def get_config() -> ConfigDict:
    config = whole.get_config("resnet101_v2")
    config.model.input_size = 128
    config.report.reported.source = "study of cartoon characters (19 unbalanced classes)"
    config.report.reported.phases.all = dict(accuracy=0.9592, loss=0.1885, kappa=0.9430)
    return config
