"""How large a file is that nobody states the size of: four bytes for each number of our network.

The file may be larger where its publisher keeps more in it, such as an auxiliary head.
"""

from vitlab.weights.catalogue.checkpoint import Checkpoint

# Parameters and statistics without the head, for the preset's input size, and the width of the embedding
# that a head takes. CLIP's have the text tower in the same file.
NUMBERS = {
    "vit_b8": (85_807_872, 768),
    "vit_b16": (85_798_656, 768),
    "vit_b32": (87_455_232, 768),
    "vit_l16": (303_301_632, 1024),
    "vit_s16": (21_665_664, 384),
    "vit_s32": (22_493_952, 384),
    "vit_ti16": (5_524_416, 192),
    "vit_h14": (630_764_800, 1280),
    "vit_l32": (305_510_400, 1024),
    "vit_s8": (21_670_272, 384),
    "cvt13": (19_638_208, 384),
    "cvt21": (31_279_552, 384),
    "cvt_w24": (276_305_792, 1024),
    "mobilevit_xxs": (955_136, 320),
    "mobilevit_xs": (1_941_296, 384),
    "mobilevit_s": (4_949_888, 640),
    "mobilenet_v2_035": (410_208, 1280),
    "mobilenet_v2_050": (706_224, 1280),
    "mobilenet_v2_075": (1_382_064, 1280),
    "mobilenet_v2": (2_257_984, 1280),
    "mobilenet_v2_130": (3_766_048, 1664),
    "mobilenet_v2_140": (4_363_712, 1792),
    "resnet18": (11_186_112, 512),
    "resnet34": (21_301_696, 512),
    "resnet50": (23_561_152, 2048),
    "resnet101": (42_605_504, 2048),
    "resnet152": (58_295_232, 2048),
    "resnet50_v2": (23_564_800, 2048),
    "resnet101_v2": (42_626_560, 2048),
    "resnet152_v2": (58_331_648, 2048),
    "vgg16": (134_260_544, 4096),
    "vgg19": (139_570_240, 4096),
    "vgg16_bn": (134_277_440, 4096),
    "vgg19_bn": (139_592_256, 4096),
    "inception_v3": (21_820_000, 2048),
    "inception_resnet_v2": (54_367_008, 1536),
    "xception": (20_861_480, 2048),
    "efficientnet_b0": (4_049_564, 1280),
    "efficientnet_b1": (6_575_232, 1280),
    "efficientnet_b2": (7_768_562, 1408),
    "efficientnet_b3": (10_783_528, 1536),
    "efficientnet_b4": (17_673_816, 1792),
    "clip_vit_b32": (151_277_313, 512),
    "clip_vit_b16": (149_620_737, 512),
    "clip_vit_l14": (427_616_513, 768),
    "clip_resnet50": (102_060_385, 1024),
}


def counted_mebibytes(one: Checkpoint) -> float:
    numbers, width = NUMBERS[one.model.removeprefix("tf_")]  # tf_efficientnet has other paddings alone
    if one.model.startswith("vit_"):  # a position embedding for each patch, of 224 pixels in the table
        patch = int(one.model.removeprefix("vit_").lstrip("tisblh"))
        numbers += width * ((one.preprocessing.size // patch) ** 2 - (224 // patch) ** 2)
    return 4 * (numbers + (width + 1) * one.classes) / 2**20


def size_text(one: Checkpoint) -> str:
    """In MiB, as its publisher states it; `~37` where none does and it is counted."""
    if one.mebibytes is not None:
        return f"{one.mebibytes:.0f}"
    return f"~{counted_mebibytes(one):.0f}"
