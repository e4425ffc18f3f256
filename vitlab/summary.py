"""What a network is made of, or what several networks cost.

    python -m vitlab.summary --model=NAME [--classes=N] [--input_size=N] [--options=...] [--depth=N]
        [--diagram=FILE.svg]
    python -m vitlab.summary --choose=NAME,NAME,... [--input_size=N] [--output=FILE.json]

The first prints the layers with their output for one image and their parameters; --depth=1 sums up
the backbone, 3 and more look into its blocks. The second prints a table to choose a network by: what
its weights weigh, which accuracy their publisher states, and how long one image takes here; --output
keeps it as JSON.
"""

from pathlib import Path

from absl import flags

from vitlab import command, files
from vitlab.errors import InputError
from vitlab.options import read_options

_MODEL = flags.DEFINE_string("model", None, "The network whose layers are wanted.")
_CHOOSE = flags.DEFINE_list("choose", None, "Networks to measure beside each other.")
_CLASSES = flags.DEFINE_integer(
    "classes", 1000, "Outputs of the head.", lower_bound=1, upper_bound=1_000_000
)
_INPUT_SIZE = flags.DEFINE_integer(
    "input_size", None, "Pixels per side; the size of its publisher if not given.", lower_bound=1
)
_OPTIONS = flags.DEFINE_string(
    "options", "", "Options of the network, such as --options=patch=16,width=192 (model.options)."
)
_DEPTH = flags.DEFINE_integer("depth", 2, "How deep to look into blocks.", lower_bound=1)
_DIAGRAM = flags.DEFINE_string("diagram", None, "A file to draw the layers into, as SVG.")
_OUTPUT = flags.DEFINE_string("output", None, "With --choose: a file for the table, as JSON.")


def main() -> None:
    if bool(_MODEL.value) == bool(_CHOOSE.value):
        raise InputError("name a network with --model=NAME, or several with --choose=NAME,NAME")
    if _DIAGRAM.value and not _MODEL.value:
        raise InputError("--diagram draws the network that --model names")
    if _OUTPUT.value and not _CHOOSE.value:
        raise InputError("--output keeps the table of the networks that --choose names")
    if _OUTPUT.value and not _OUTPUT.value.endswith(".json"):
        raise InputError(f"--output is {_OUTPUT.value!r}; it must be a file that ends in .json")
    if _OPTIONS.value and not _MODEL.value:
        raise InputError("--options are those of the network that --model names")
    options = read_options(_OPTIONS.value)
    for file in filter(None, (_DIAGRAM.value, _OUTPUT.value)):
        files.check_writable(Path(file))

    from vitlab import runtime

    runtime.start()
    from vitlab import summary_job

    if _CHOOSE.value:
        output = Path(_OUTPUT.value) if _OUTPUT.value else None
        summary_job.choose(_CHOOSE.value, _CLASSES.value, _INPUT_SIZE.value, output)
    elif _MODEL.value:
        summary_job.describe(
            _MODEL.value, options, _CLASSES.value, _INPUT_SIZE.value, _DEPTH.value, _DIAGRAM.value
        )


if __name__ == "__main__":
    command.run(main)
