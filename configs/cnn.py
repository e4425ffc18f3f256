"""A convolutional network of your own, from random weights.

    python -m vitlab.main --config=configs/cnn.py --config.dataset.path=FOLDER --workdir=runs/cnn
    python -m vitlab.main --config=configs/cnn.py:cnn_gap ...

`model.options` says what it is made of (`vitlab/models/cnn.py`): one tuple of filters per stage, with
a pooling between stages, then dense layers and a dropout rate before each layer that ends it:
`--config.model.options.stages="((16, 16), (32,))"`. The networks that the studies built by hand have
names: `cnn_gap` (row S1-05, at 224 pixels), `cnn_a`, `cnn_b` and `cnn_c` (S2-25 to S2-27, at 128, 64
and 128 pixels).

The augmentation is S2-27's, a flip, a tenth of a turn and a tenth of zoom, and so is the L2 of `cnn_c`.
How much of it the study had is not known: here it is Keras's usual one, 0.01 times the squares of the
kernels, whose slope is a weight decay of 0.02.
"""

from ml_collections import ConfigDict

from vitlab.config import defaults, phase


def get_config(model: str = "cnn") -> ConfigDict:
    config = defaults()
    config.model.name = model
    if model == "cnn":
        config.model.options = dict(
            stages=((32,), (64,), (64,)), top="average", dense=(64,), dropout=(0.0, 0.5)
        )
    config.phases.train = phase(
        optimizer="adam",
        learning_rate=1e-3,
        epochs=100,
        patience=10,
        weight_decay=0.02 if model == "cnn_c" else 0.0,
        decays=((".*/(bias|scale)", 0.0),) if model == "cnn_c" else (),
        batch_norm="update",
        augmentation=dict(flip=True, rotation=36.0, zoom=0.1, padding="reflect"),
    )
    return config
