"""Two short phases that use everything a checkpoint must hold; for tests of resuming.

`all` has augmentation with mixup, a schedule, accumulation, balanced sampling, a moving average of the
weights and early stopping with a memory. With argument "vit" `head` trains on embeddings; "cnn" has
batch-norm statistics that move, and dropout.
"""

from ml_collections import ConfigDict

from vitlab.config import defaults, phase

NETWORKS = {
    "vit": dict(input_size=8, options=dict(patch=2, width=32, depth=2, heads=2, mlp_width=64)),
    "cnn": dict(
        input_size=32,
        options=dict(stages=((16,), (32,)), dense=(32,), dropout=(0.1, 0.2), normalised=True),
    ),
}


def get_config(model: str = "vit") -> ConfigDict:
    config = defaults()
    config.dataset.path = "digits"
    config.checkpoint_seconds = 0.0
    config.batch_size = 64
    config.model.name = model
    config.model.update(NETWORKS[model])
    config.phases.head = phase(trainable=("head/.*",), batch_norm="update", epochs=3)
    config.phases.all = phase(
        optimizer="adamw",
        learning_rate=3e-3,
        schedule="cosine",
        warmup_epochs=2,
        weight_decay=0.01,
        epochs=40 if model == "vit" else 12,
        patience=30,
        clip=1.0,
        accumulate=2,
        ema=0.99,
        label_smoothing=0.1,
        sampling="balanced",
        batch_norm="update",
        augmentation=dict(mixup=0.2, flip=True, rotation=10.0, shift=0.1, zoom=0.1, brightness=0.2),
    )
    return config
