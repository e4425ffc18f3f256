"""The layers of a network from the image to the answer, by the paths of its parameters."""

import re
import sys
from collections.abc import Callable, Iterable

from vitlab.errors import InputError

Place = tuple[int, ...]

# What ends in this belongs to the layer before it, as in timm's groups (`MATCH_PREV_GROUP`).
CLOSING = sys.maxsize

# Where a parameter stands, from the numbers in its path; the first pattern that matches it whole counts.
PLACES: tuple[tuple[str, Callable[..., Place]], ...] = (
    (r"backbone/(patches/.*|stem/.*|class_token|positions|first_norm/.*)", lambda _: (0,)),
    # CvT embeds its tokens at the start of every stage, and in the first that is the stem.
    (r"backbone/stages/0/(projection|norm)/.*", lambda _: (0,)),
    (r"backbone/stages/(\d+)/(projection|norm)/.*", lambda stage, _: (1, int(stage), 0)),
    (r"backbone/blocks/(\d+)/.*", lambda block: (1, int(block))),
    (r"backbone/stages/(\d+)/entry/.*", lambda stage: (1, int(stage), -1)),
    (r"backbone/stages/(\d+)/(?:blocks/)?(\d+)/.*", lambda stage, block: (1, int(stage), int(block))),
    (r"backbone/dense/(\d+)/.*", lambda number: (2, int(number))),
    # Of what goes into the dense layer of this number, or into the head.
    (r"backbone/norms/(\d+)/.*", lambda number: (2, int(number) - 1, CLOSING)),
    (r"backbone/(norm|last|pre_logits|projection|attention)/.*", lambda _: (3, CLOSING)),
    (r"head/.*", lambda: (4,)),
)


def layer_numbers(paths: Iterable[str]) -> dict[str, int]:
    """The layer of each parameter: 0 at the image, the last one the head.

    A layer is a block, or where there are none a convolution or dense layer. The stem, or what makes
    tokens of patches, is the first, with the class token and the positions; what stands between the
    last block and the head belongs to that block. For a ViT these are the groups of timm's
    `param_groups_layer_decay`; BEiT and MAE have the last norm with the head.

    Raises:
        InputError: a parameter stands at no known place.
    """
    places = {path: _place(path) for path in paths}
    numbers: dict[Place, int] = {}
    number = -1
    for place in sorted(set(places.values())):
        number += place[-1] != CLOSING or number < 0
        numbers[place] = number
    return {path: numbers[place] for path, place in places.items()}


def _place(path: str) -> Place:
    for pattern, place in PLACES:
        if found := re.fullmatch(pattern, path):
            return place(*found.groups())
    raise InputError(
        f"nothing is known of the place of {path} among the layers of the network; leave "
        "layer_decay at 1 and last_layers at 0"
    )
