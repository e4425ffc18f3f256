"""A small ViT from scratch on scikit-learn's digits: the job that proves an installation.

    python -m vitlab.main --config=configs/digits.py --workdir=runs/digits

1797 handwritten digits of 8 x 8 pixels, enlarged to 16 so that shifts by parts of a pixel blur less.
Nothing is downloaded. On two cores: under a minute; test accuracy .989, .996 and .978 with seeds 0,
1 and 2 on one processor, and .970 to .989 with seed 0 on four, which round differently.
"""

from ml_collections import ConfigDict

from vitlab.config import defaults, phase


def get_config() -> ConfigDict:
    config = defaults()
    config.dataset.path = "digits"
    config.model.name = "vit"
    config.model.input_size = 16
    config.model.options = dict(patch=4, width=64, depth=4, heads=4, mlp_width=128)
    config.batch_size = 64
    config.phases.train = phase(
        optimizer="adamw",
        learning_rate=2e-3,
        weight_decay=0.05,
        schedule="cosine",
        warmup_epochs=5,
        epochs=100,
        augmentation=dict(rotation=10.0, shift=0.08, zoom=0.1),
    )
    return config
