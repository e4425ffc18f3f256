"""Hugging Face's files of models without a head: the same names without the model's prefix.

The names and shapes are those of the golden files; `tests/parity/compare_base_models.py` holds such
files against Hugging Face's own code.
"""

import functools

import pytest

from tests.weights.golden_shapes import numbered_tensors
from vitlab.models import create, outline, preset
from vitlab.weights.recognition import best_layout


@pytest.mark.parametrize(
    ("golden", "prefix", "size"),
    [
        ("vit_ti16-huggingface", "vit.", 224),
        ("vit_ti16-huggingface-pooler", "vit.", 224),
        ("mobilenet_v2-huggingface", "mobilenet_v2.", 224),
        ("mobilevit_s-huggingface", "mobilevit.", 256),
        ("cvt13-huggingface", "cvt.", 224),
    ],
)
def test_a_base_model_fills_what_the_whole_model_fills_but_the_head(golden: str, prefix: str, size: int):
    name = golden.partition("-")[0]
    whole = numbered_tensors(golden)
    base = {
        theirs.removeprefix(prefix): tensor
        for theirs, tensor in whole.items()
        if theirs.startswith(prefix)
    }
    assert 0 < len(whole) - len(base) <= 4
    filled = []
    for tensors in (whole, base):
        layout = best_layout(tensors, preset(name).family)
        assert layout.publisher.startswith("huggingface")
        assert layout.recognised(tensors) == len(tensors)
        options = {**layout.options, "input_size": size}
        build = functools.partial(create, name, num_classes=1, **options)
        _, parameters, statistics = outline(build)
        arrays = layout.fill(dict(tensors), parameters | statistics, golden)
        filled.append({path: float(array.flat[0]) for path, array in arrays.items()})
    new = {}
    if prefix == "cvt.":  # it ends before the last norm, which starts as in a new network
        new = {"backbone/norm/scale": 1.0, "backbone/norm/bias": 0.0}
    expected = {path: value for path, value in filled[0].items() if not path.startswith("head/")}
    assert filled[1] == expected | new
