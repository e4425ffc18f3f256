"""The study of products: a head with a hidden layer on CvT or on VGG16 (rows S3-04 to S3-08).

    python -m vitlab.main --config=experiments/products/config.py:cvt13 \\
        --config.dataset.path=FOLDER --config.model.weights=FILE_OR_NAME --workdir=runs/products

configs/dense.py, with the accuracy that the study reported, in whole percent.
"""

from ml_collections import ConfigDict

from configs import dense
from vitlab.errors import InputError

REPORTED = {"cvt13": 0.88, "vgg16": 0.76}


def get_config(model: str = "cvt13") -> ConfigDict:
    if model not in REPORTED:
        raise InputError(f"the study had {' and '.join(REPORTED)}, not {model!r}; see configs/dense.py")
    config = dense.get_config(model)
    config.report.reported.source = "study of products (7 classes of 150), in whole percent"
    config.report.reported.phases.head = dict(accuracy=REPORTED[model])
    return config
