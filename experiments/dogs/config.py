"""The study of dogs: a new head on VGG16, ResNet50 or Inception v3 (rows S1-01, S1-03 and S1-09).

    python -m vitlab.main --config=experiments/dogs/config.py:vgg16 \\
        --config.dataset.path=FOLDER --config.model.weights=FILE_OR_NAME --workdir=runs/dogs

configs/head.py on three breeds out of FOLDER, the images of Stanford Dogs, with the figures that the
study reported; `vgg16_augmented` and so on are its runs with augmentation. What it augmented by is not
known; here it is mirroring (out of S1-02), turns and shifts by up to a tenth, in eight views of each
image. Its images are part of ImageNet, on which the networks were pretrained: no figure says how good
they are on dogs that they never saw.
"""

from ml_collections import ConfigDict

from configs import head
from vitlab.errors import InputError

BREEDS = ("n02085620-Chihuahua", "n02108089-boxer", "n02109961-Eskimo_dog")
AUGMENTED = "_augmented"
# Of each network accuracy and loss on the validation part, then on the test part.
REPORTED = {
    "vgg16": (0.9451, 0.4126, 0.9560, 0.2121),
    "vgg16_augmented": (0.9333, 0.1936, 0.9560, 0.1684),
    "resnet50": (0.9444, 0.1240, 0.9670, 0.0667),
    "resnet50_augmented": (0.9556, 0.1641, 0.9670, 0.0859),
    "inception_v3": (0.9670, 0.0310, 0.9890, 0.0167),
    "inception_v3_augmented": (0.9222, 0.2185, 0.9890, 0.0343),
}


def get_config(model: str = "vgg16") -> ConfigDict:
    if model not in REPORTED:
        raise InputError(f"the study had {', '.join(REPORTED)}, not {model!r}; see configs/head.py")
    config = head.get_config(model.removesuffix(AUGMENTED))
    config.dataset.classes = BREEDS
    if model.endswith(AUGMENTED):
        config.phases.head.augmentation.update(flip=True, rotation=36.0, shift=0.1)
        config.phases.head.views = 8
    names = ("val_accuracy", "val_loss", "accuracy", "loss")
    config.report.reported.source = "study of dogs (three breeds of Stanford Dogs)"
    config.report.reported.phases.head = dict(zip(names, REPORTED[model], strict=True))
    return config
