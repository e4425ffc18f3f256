"""A new head on a frozen pretrained network: the first answer, in minutes on a laptop.

    python -m vitlab.main --config=configs/head.py:vit_ti16 \\
        --config.dataset.path=FOLDER --config.model.weights=FILE_OR_NAME --workdir=runs/first

The first phase of configs/transfer.py alone. The backbone sees each image once; the head trains on
its embeddings.
"""

from ml_collections import ConfigDict

from vitlab.config import defaults, phase


def get_config(model: str = "vit_ti16") -> ConfigDict:
    config = defaults()
    config.model.name = model
    config.phases.head = phase(
        trainable=("head/.*",), optimizer="adam", learning_rate=1e-3, epochs=50, patience=20
    )
    return config
