"""Turns a published checkpoint into one file of vitlab's own, or lists the checkpoints known by name.

    python -m vitlab.convert --weights=NAME --output=FILE.safetensors
    python -m vitlab.convert --model=NETWORK --weights=FILE --output=FILE.safetensors [--options=...]
    python -m vitlab.convert --list [--model=NETWORK] [--weights=NAME] [--json]

What comes out is used as --config.model.weights=FILE.safetensors; its header says from which file it
came, with which hash and licence, and how images become the network's input.
"""

from pathlib import Path

from absl import flags

from vitlab import command, files
from vitlab.errors import InputError
from vitlab.options import read_options
from vitlab.progress import say

_MODEL = flags.DEFINE_string("model", None, "The network, such as vit_ti16; a name's own if not given.")
_WEIGHTS = flags.DEFINE_string("weights", None, "A published file, or the name of one (see --list).")
_OUTPUT = flags.DEFINE_string("output", None, "The file to write; it ends in .safetensors.")
_INPUT_SIZE = flags.DEFINE_integer(
    "input_size", None, "Pixels per side; the publisher's if not given.", lower_bound=1
)
_OPTIONS = flags.DEFINE_string(
    "options", "", "Options of the network, such as --options=patch=16,width=192 (model.options)."
)
_LIST = flags.DEFINE_bool("list", False, "List the checkpoints that are known by name, and stop.")
_JSON = flags.DEFINE_bool("json", False, "With --list: all that is known, as JSON.")


def main() -> None:
    if _LIST.value:
        _check_beside_list()
        from vitlab.weights import list_checkpoints

        listed = list_checkpoints(_MODEL.value or "", _WEIGHTS.value or "", as_json=_JSON.value)
        say(*listed.split("\n"))
        return
    model, weights, output = _checked()
    options = read_options(_OPTIONS.value)
    files.check_writable(output)

    from vitlab import runtime

    runtime.start()
    from vitlab.config import Model
    from vitlab.models import convert

    card = convert(Model(model, weights, _INPUT_SIZE.value or 0, options), output)
    say(
        f"{output}: {card.name} for {card.preprocessing.size} pixels, {card.parameters:,} parameters, "
        f"from {weights} in the layout of {card.origin['layout']}"
    )


def _check_beside_list() -> None:
    for flag in (_OUTPUT, _INPUT_SIZE, _OPTIONS):
        if flag.value:
            raise InputError(f"--{flag.name} is for a conversion, and --list only lists; leave one out")


def _checked() -> tuple[str, str, Path]:
    """The network, its weights, the file to write. Raises InputError for a flag that is wrong."""
    if _JSON.value:
        raise InputError("--json is a form of the list; ask for --list, too")
    if not _WEIGHTS.value:
        raise InputError("name a published file or checkpoint with --weights=..., or ask for a --list")
    output = _OUTPUT.value or ""
    if not output.endswith(".safetensors"):
        raise InputError(f"--output is {output!r}; it must be a file that ends in .safetensors")
    if _MODEL.value:
        return _MODEL.value, _WEIGHTS.value, Path(output)
    from vitlab.weights import named

    checkpoint = named(_WEIGHTS.value)
    if checkpoint is None:
        raise InputError("say which network the file is for, such as --model=vit_ti16")
    return checkpoint.model, _WEIGHTS.value, Path(output)


if __name__ == "__main__":
    command.run(main)
