"""What publishers state of other networks, to choose by: nothing is built, run or downloaded (S2-12)."""

from dataclasses import dataclass

from vitlab.models.registry import preset
from vitlab.weights import CATALOGUE, Checkpoint

# Parameters and statistics of the best checkpoint of each family, with the head that its file has.
# Building the networks to count them would take half a minute at the end of each run.
NUMBERS = {
    "vit_h14.torchvision_swag_ft_in1k_518": (633_470_440, 0),
    "cvt_w24.huggingface_in22k_ft_in1k_384": (277_196_392, 134_400),
    "mobilevit_s.huggingface_in1k": (5_578_632, 12_256),
    "mobilenet_v2_140.ra_in1k": (6_108_776, 47_936),
    "resnet152.a1h_in1k": (60_192_808, 151_424),
    "resnet152_v2.keras_in1k": (60_236_904, 143_744),
    "vgg19_bn.torchvision_in1k_v1": (143_678_248, 11_008),
    "inception_v3.gluon_in1k": (23_834_568, 34_432),
    "inception_resnet_v2.tf_in1k": (55_843_464, 60_544),
    "xception.timm_tf_in1k": (22_855_952, 54_528),
    "tf_efficientnet_b4.ns_jft_in1k": (19_341_616, 125_200),
    "clip_vit_l14.datacomp_xl_s13b_b90k": (303_966_208, 0),
    "clip_resnet50.openai": (38_316_896, 53_248),
}


@dataclass(frozen=True)
class PublishedNetwork:
    """The checkpoint of a family with the highest stated top-1.

    Attributes:
        weights: its name in the catalogue.
        weights_bytes: of what the network takes of it, in float32.
        top1, top5: percent on ImageNet-1k, as its publisher states; CLIP's zero-shot.
    """

    name: str
    weights: str
    input_size: int
    parameters: int
    weights_bytes: int
    top1: float | None
    top5: float | None


def published_networks() -> list[PublishedNetwork]:
    """One of each family that has weights, in the catalogue's order."""
    return [_published(checkpoint) for checkpoint in best_of_families()]


def best_of_families() -> list[Checkpoint]:
    best: dict[str, Checkpoint] = {}
    for checkpoint in CATALOGUE.values():
        family = preset(checkpoint.model).family
        before = best.get(family)
        if checkpoint.top1 and (before is None or checkpoint.top1 > (before.top1 or 0)):
            best[family] = checkpoint
    return list(best.values())


def _published(checkpoint: Checkpoint) -> PublishedNetwork:
    parameters, statistics = NUMBERS[checkpoint.name]
    return PublishedNetwork(
        name=checkpoint.model,
        weights=checkpoint.name,
        input_size=checkpoint.preprocessing.size,
        parameters=parameters,
        weights_bytes=4 * (parameters + statistics),
        top1=checkpoint.top1,
        top5=checkpoint.top5,
    )
