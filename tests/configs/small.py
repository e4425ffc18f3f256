"""The shortest run that goes through everything: two phases on digits, with a tiny ViT."""

from ml_collections import ConfigDict

from vitlab.config import defaults, phase


def get_config() -> ConfigDict:
    config = defaults()
    config.dataset.path = "digits"
    config.batch_size = 64
    config.model.name = "vit"
    config.model.input_size = 8
    config.model.options = dict(patch=2, width=32, depth=2, heads=2, mlp_width=64)
    config.phases.head = phase(
        trainable=("head/.*",), epochs=3, augmentation=dict(rotation=10.0), views=2
    )
    config.phases.all = phase(
        optimizer="adamw",
        learning_rate=3e-3,
        schedule="cosine",
        warmup_epochs=1,
        total_epochs=8,
        patience=4,
        augmentation=dict(rotation=10.0, shift=0.1),
    )
    return config
