"""Inception v3, Inception-ResNet v2 and Xception: timm's copies, torchvision, Keras."""

from vitlab.weights.catalogue.checkpoint import Checkpoint
from vitlab.weights.catalogue.publishers import keras, timm, torchvision


def _keras(model: str, licence: str, *figures: float, md5: str) -> Checkpoint:
    file = f"{model}/{model}_weights_tf_dim_ordering_tf_kernels"
    return keras(model, file, licence, *figures, md5=md5, size=299)


CHECKPOINTS = (
    timm("inception_v3.gluon_in1k", 299, 0.875, 78.806, 94.374),
    timm("inception_v3.tf_adv_in1k", 299, 0.875, 77.592, 93.73, scheme="symmetric"),
    timm("inception_v3.tf_in1k", 299, 0.875, 77.862, 93.644, scheme="symmetric"),
    timm("inception_v3.tv_in1k", 299, 0.875, 77.434, 93.474, scheme="symmetric"),
    timm("inception_resnet_v2.tf_ens_adv_in1k", 299, 0.8975, 79.978, 94.946, scheme="symmetric"),
    timm("inception_resnet_v2.tf_in1k", 299, 0.8975, 80.462, 95.308, scheme="symmetric"),
    timm(
        "legacy_xception.tf_in1k",
        299,
        0.8975,
        79.04,
        94.382,
        model="xception",
        tag="timm_tf_in1k",
        scheme="symmetric",
    ),
    # torchvision normalises as for its other networks, and the network undoes that: in all, symmetric.
    torchvision(
        "inception_v3",
        "in1k_v1",
        "inception_v3_google-0cc3c7bd",
        103.903,
        77.294,
        93.45,
        size=299,
        resize=342,
        scheme="symmetric",
    ),
    _keras("inception_v3", "Apache-2.0", 92, 77.9, 93.7, md5="9a0d58056eeedaa3f26cb7ebd46da564"),
    _keras("inception_resnet_v2", "Apache-2.0", 215, 80.3, 95.3, md5="e693bd0210a403b3192acc6073ad2e96"),
    _keras("xception", "MIT", 88, 79.0, 94.5, md5="0a58e3b7378bc2990ea3b43d5981f1f6"),
)
