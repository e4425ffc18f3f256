"""A head with a hidden layer on a frozen pretrained network: linear, ReLU, dropout, linear.

    python -m vitlab.main --config=configs/dense.py:cvt13 \\
        --config.dataset.path=FOLDER --config.model.weights=FILE_OR_NAME --workdir=runs/dense

The plan of the study of products (rows S3-05 to S3-07), there with CvT and again with VGG16 (S3-08):
Adam on the head alone down the cross-entropy, until ten epochs have not lowered the validation loss;
the weights of the best epoch are restored. The study searched for the size of the layer, the dropout
and the learning rate; those here are where to begin:
`--config.model.hidden=512 --config.model.dropout=0.5`. The head trains on embeddings, which are computed
once.
"""

from ml_collections import ConfigDict

from vitlab.config import defaults, phase


def get_config(model: str = "cvt13") -> ConfigDict:
    config = defaults()
    config.model.name = model
    config.model.hidden = 256
    config.model.dropout = 0.3
    config.phases.head = phase(
        trainable=("head/.*",),
        optimizer="adam",
        learning_rate=1e-3,
        epochs=100,
        monitor="loss",
        patience=10,
    )
    return config
