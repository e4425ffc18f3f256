"""A small ViT from scratch on scikit-learn's digits: the job that proves an installation.

    python -m vitlab.main --config=configs/digits.py --workdir=runs/digits

1797 handwritten digits of 8 x 8 pixels. Nothing is downloaded.
"""

from ml_collections import ConfigDict

from vitlab.config import defaults, phase


def get_config() -> ConfigDict:
    config = defaults()
    config.dataset.source = "digits"
    config.model.name = "vit"
    config.model.input_size = 8
    config.model.options = dict(patch=2, width=64, depth=4, heads=4, mlp_width=128)
    config.batch_size = 64
    config.phases.train = phase(
        optimizer="adamw",
        learning_rate=2e-3,
        weight_decay=0.05,
        schedule="cosine",
        warmup_epochs=5,
        epochs=60,
        augmentation=dict(rotation=10.0, shift=0.08, zoom=0.1),
    )
    return config
