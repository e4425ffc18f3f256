"""A pretrained network on your own images: first a new head, then all of it.

    python -m vitlab.main --config=configs/transfer.py:vit_ti16 \\
        --config.dataset.path=FOLDER --config.model.weights=FILE_OR_NAME --workdir=runs/mine

FOLDER holds one folder of images per class. The schedule is the one of the study of drawn images
(rows S0-15 and S0-16): the head on the frozen backbone with Adam at 1e-3 for at most 50 epochs,
then everything at 1e-5 up to 100 epochs in total; each phase stops after 20 epochs without a better
validation accuracy, and its best weights are kept. The images are augmented (S0-09) while all of the
network trains; the head alone trains on embeddings that are computed once.
"""

from ml_collections import ConfigDict

from vitlab.config import defaults, phase


def get_config(model: str = "vit_ti16") -> ConfigDict:
    config = defaults()
    config.model.name = model
    config.phases.head = phase(
        trainable=("head/.*",), optimizer="adam", learning_rate=1e-3, epochs=50, patience=20
    )
    config.phases.finetune = phase(
        trainable=(".*",),
        optimizer="adam",
        learning_rate=1e-5,
        total_epochs=100,
        patience=20,
        augmentation=dict(flip=True, rotation=45.0, shift=0.2, zoom=0.25, brightness=0.5),
    )
    return config
