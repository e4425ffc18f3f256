"""timm, torchvision, Hugging Face, open_clip, the authors of CvT, and files of Google and OpenAI."""

import re
from dataclasses import replace

import numpy as np

from tests.parity.case import Case
from tests.parity.ours import CLASSES
from tests.parity.published_files import GoogleNetwork, OpenAINetwork, with_texts
from tests.parity.recipe import draw_texts
from tests.parity.theirs import IMAGENET
from tests.parity.torch_network import Publisher, TorchNetwork

OPENAI = (
    np.array([0.48145466, 0.4578275, 0.40821073]) * 255,
    np.array([0.26862954, 0.26130258, 0.27577711]) * 255,
)
SYMMETRIC = (np.array(127.5), np.array(127.5))
UNIT = (np.array(0.0), np.array(255.0))


def open_network(case: Case, size: int, seed: int, *, double: bool = False) -> "TorchNetwork":
    """In float32 or float64."""
    if case.model.startswith("clip"):
        if case.publisher == "openai":
            return OpenAINetwork(_open_clip(case, size, draw_texts(seed)), case, draw_texts(seed))
        clip = {"huggingface": _huggingface_clip, "open_clip": _open_clip}[case.publisher]
        return TorchNetwork(clip(case, size, draw_texts(seed)), case, double=double)
    if case.publisher == "google":
        return GoogleNetwork(_timm(case, size), case)
    build = {
        "timm": _timm,
        "torchvision": _torchvision,
        "huggingface": _huggingface,
        "microsoft": _microsoft,
    }[case.publisher]
    return TorchNetwork(build(case, size), case, double=double)


def _timm(case: Case, size: int) -> Publisher:
    import timm
    from timm.models.vision_transformer import checkpoint_filter_fn

    if not case.model.startswith("vit"):
        model = timm.create_model(case.theirs, num_classes=CLASSES, **case.theirs_options)
        mean, deviation = (255 * np.array(model.default_cfg[key]) for key in ("mean", "std"))
        return Publisher(model, (mean, deviation))
    model = timm.create_model(case.theirs, num_classes=CLASSES, img_size=size, **case.theirs_options)
    return Publisher(model, SYMMETRIC, adapt=lambda tensors: checkpoint_filter_fn(tensors, model))


def _torchvision(case: Case, size: int) -> Publisher:
    import torchvision
    from torchvision.models.vision_transformer import interpolate_embeddings

    if case.theirs == "inception_v3":  # as get_model makes it with its weights
        model = torchvision.models.inception_v3(
            num_classes=CLASSES, transform_input=True, init_weights=False
        )
        model.AuxLogits.forward = lambda maps: None  # its 5x5 does not fit the maps of small images
        return Publisher(model, IMAGENET)
    if not case.model.startswith("vit"):
        model = torchvision.models.get_model(case.theirs, num_classes=CLASSES, **case.theirs_options)
        return Publisher(model, IMAGENET)
    model = torchvision.models.get_model(case.theirs, num_classes=CLASSES, image_size=size)
    return Publisher(
        model, IMAGENET, adapt=lambda tensors: interpolate_embeddings(size, model.patch_size, tensors)
    )


def _huggingface(case: Case, size: int) -> Publisher:
    import transformers

    more = dict(case.theirs_options)
    match case.theirs:
        case "vit":
            config = transformers.ViTConfig(num_labels=CLASSES, image_size=case.sizes[0], **more)
            model = transformers.ViTForImageClassification(config)
            model.vit = transformers.ViTModel(config, add_pooling_layer="pre_logits" in case.options)

            def logits(images):
                found = model.vit(images, interpolate_pos_encoding=True)
                pooled = found.pooler_output
                return model.classifier(found[0][:, 0] if pooled is None else pooled)

            model.forward = logits
            return Publisher(model, SYMMETRIC)
        case "mobilenet_v2":
            config = transformers.MobileNetV2Config(num_labels=CLASSES, image_size=size, **more)
            return Publisher(transformers.MobileNetV2ForImageClassification(config), SYMMETRIC)
        case "mobilevit":
            config = transformers.MobileViTConfig(num_labels=CLASSES, **more)
            return Publisher(transformers.MobileViTForImageClassification(config), UNIT, bgr=True)
        case "cvt":
            more |= dict(num_labels=CLASSES, drop_path_rate=(0.0, 0.0, 0.0))
            config = transformers.CvtConfig(**more)
            return Publisher(transformers.CvtForImageClassification(config), IMAGENET)
    raise ValueError(f"no network of Hugging Face is known as {case.theirs}")


def _microsoft(case: Case, size: int) -> Publisher:
    """CvT as its authors compute it, by Hugging Face's code: theirs is not in any package.

    The two differ in the names, which are those of Hugging Face's conversion script
    (`convert_cvt_original_pytorch_checkpoint_to_pytorch.py`), and in the GELU: the authors'
    `get_cls_model` (`lib/models/cls_cvt.py`) takes QuickGELU.
    """
    from transformers.activations import QuickGELUActivation
    from transformers.models.cvt.modeling_cvt import CvtIntermediate

    publisher = _huggingface(case, size)
    for module in publisher.model.modules():
        if isinstance(module, CvtIntermediate):
            module.activation = QuickGELUActivation()
    return replace(publisher, rename=_microsoft_name)


def _microsoft_name(name: str) -> str:
    for theirs, ours in (
        (r"cvt\.encoder\.stages\.(\d)\.", r"stage\1."),
        (r"embedding\.convolution_embeddings\.projection", "patch_embed.proj"),
        (r"embedding\.convolution_embeddings\.normalization", "patch_embed.norm"),
        (r"layers\.", "blocks."),
        (
            r"attention\.attention\.convolution_projection_(.)\w+\.convolution_projection\.",
            r"attn.conv_proj_\1.",
        ),
        (r"(conv_proj_.)\.convolution", r"\1.conv"),
        (r"(conv_proj_.)\.normalization", r"\1.bn"),
        (r"attention\.attention\.projection_(.)\w+", r"attn.proj_\1"),
        (r"attention\.output\.dense", "attn.proj"),
        (r"intermediate\.dense", "mlp.fc1"),
        (r"output\.dense", "mlp.fc2"),
        (r"layernorm_before", "norm1"),
        (r"layernorm_after", "norm2"),
        (r"^layernorm", "norm"),
        (r"^classifier", "head"),
    ):
        name = re.sub(theirs, ours, name)
    return name


def _huggingface_clip(case: Case, size: int, texts: np.ndarray) -> Publisher:
    import torch
    import transformers

    native, options = case.sizes[0], dict(case.theirs_options)
    vision = {"image_size": native, **options.pop("vision_config", {})}
    model = transformers.CLIPModel(transformers.CLIPConfig(vision_config=vision, **options))
    forward, rows = model.forward, torch.from_numpy(texts)
    more = dict(input_ids=rows, interpolate_pos_encoding=size != native)
    model.forward = lambda images: forward(pixel_values=images, **more).logits_per_image
    return Publisher(model, OPENAI)


def _open_clip(case: Case, size: int, texts: np.ndarray) -> Publisher:
    import open_clip
    from open_clip.model import resize_pos_embed

    model = open_clip.create_model(case.theirs, force_image_size=size, pretrained=None)

    def adapt(tensors):
        resize_pos_embed(tensors, model)
        return tensors

    return Publisher(with_texts(model, texts), OPENAI, adapt=adapt)
