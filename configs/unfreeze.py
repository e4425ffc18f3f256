"""A pretrained network thawed from its top: the head, then ever more layers below it, then all.

    python -m vitlab.main --config=configs/unfreeze.py:vit_ti16 \\
        --config.dataset.path=FOLDER --config.model.weights=FILE_OR_NAME --workdir=runs/unfreeze

What Howard and Ruder 2018 (ULMFiT, sections 3.2 and 3.3) do with texts, for images: layers thaw one
after the other, so that a head that knows nothing yet does not disturb what is below it; each layer
trains at a smaller rate than the one above; and each rate rises for a short time and then falls to zero.
They thaw a layer each epoch, of four; a network has ten layers and more, so here the count doubles, for
three epochs each. `layer_decay` is that of MAE's and BEiT's fine-tuning; their 1 / 2.6, fourteen layers
deep, would be a millionth.

Each phase goes on from the best weights of the one before, with a fresh optimizer, and is reported on
its own: the report tells what each thaw was worth. The head trains on embeddings that are computed once,
and the gradient of a phase stops at its lowest layer. For networks of eight layers and more, which all
pretrained ones here have.
"""

from ml_collections import ConfigDict

from vitlab.config import defaults, phase

AUGMENTATION = dict(flip=True, rotation=45.0, shift=0.2, zoom=0.25, brightness=0.5)


def get_config(model: str = "vit_ti16") -> ConfigDict:
    config = defaults()
    config.model.name = model
    config.phases.head = phase(
        trainable=("head/.*",), optimizer="adam", learning_rate=1e-3, epochs=50, patience=20
    )
    for count in (2, 4, 8):
        config.phases[f"last_{count}"] = _thawed(last_layers=count, warmup_epochs=1, epochs=3)
    config.phases.all = _thawed(warmup_epochs=2, epochs=30, patience=10)
    return config


def _thawed(**changes: int) -> ConfigDict:
    return phase(
        optimizer="adam",
        learning_rate=1e-4,
        layer_decay=0.75,
        schedule="linear",
        augmentation=AUGMENTATION,
        **changes,
    )
