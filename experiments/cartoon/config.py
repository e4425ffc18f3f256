"""The study of drawn images: MobileNetV2 or ViT-B/32, the head first, then all (rows S0-11 to S0-17).

    python -m vitlab.main --config=experiments/cartoon/config.py:mobilenet_v2 \\
        --config.dataset.path=FOLDER --config.model.weights=FILE_OR_NAME --workdir=runs/cartoon

configs/transfer.py, with the figures that the study reported: of 10 classes of 100 drawn images; 22 of
the 150 test images were not counted. Epochs and minutes are those of each phase. The size after
fine-tuning is three times the one before, which is Adam's memory of all parameters: so the first is
taken for weights alone, and the second for a checkpoint.
"""

from ml_collections import ConfigDict

from configs import transfer
from vitlab.errors import InputError

# Of each network the head alone, then after fine-tuning.
REPORTED = {
    "mobilenet_v2": (
        dict(accuracy=0.8750, loss=0.4453, epochs=50, minutes=28, weights_megabytes=9.1),
        dict(accuracy=0.9141, loss=0.4318, epochs=51, minutes=29, checkpoint_megabytes=26.4),
    ),
    "vit_b32": (
        dict(accuracy=0.9219, loss=0.3295, epochs=33, minutes=26, weights_megabytes=333.9),
        dict(accuracy=0.9531, loss=0.1858, epochs=36, minutes=23, checkpoint_megabytes=1001.6),
    ),
}


def get_config(model: str = "mobilenet_v2") -> ConfigDict:
    if model not in REPORTED:
        raise InputError(
            f"the study had {' and '.join(REPORTED)}, not {model!r}; see configs/transfer.py"
        )
    config = transfer.get_config(model)
    config.report.reported.source = "study of drawn images (10 classes of 100), on a cloud GPU"
    for phase, figures in zip(config.phases, REPORTED[model], strict=True):
        config.report.reported.phases[phase] = figures
    return config
