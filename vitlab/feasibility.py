"""Can these classes be told apart at all? A look at a collection before any training.

    python -m vitlab.feasibility --config=FILE[:ARGUMENT] --output=DIR [--umap] [--language=fr]
        [--config.KEY=VALUE ...]

The network of the config, with its published weights, says of every image what it sees (its
embedding), and nothing is trained of it. DIR/report.html shows the images in two dimensions, coloured by
class, and says how well clusters, nearest neighbours and a linear classifier on the training part tell
the classes apart; DIR/feasibility.json has every figure, DIR/figures the drawings.
"""

import importlib.util
from pathlib import Path

from absl import flags
from ml_collections import config_flags

from vitlab import command, files
from vitlab.errors import InputError

with command.defining_config():
    _CONFIG = config_flags.DEFINE_config_file(
        "config", None, "The config file, such as configs/head.py:vgg16.", lock_config=True
    )
_OUTPUT = flags.DEFINE_string("output", None, "A folder for the report, its JSON and its figures.")
_UMAP = flags.DEFINE_bool("umap", False, "Draw UMAP too, which vitlab[umap] brings.")
_LANGUAGE = flags.DEFINE_string("language", None, "Of the report; the config's if not given.")


def main() -> None:
    config = command.given_config(_CONFIG.value, "configs/head.py:vgg16")
    config = command.in_language(config, _LANGUAGE.value)
    if not _OUTPUT.value:
        raise InputError("give a folder for the report with --output=DIR, such as --output=reports/a")
    if _UMAP.value and importlib.util.find_spec("umap") is None:
        raise InputError("--umap needs a package more: pip install vitlab[umap]")
    output = Path(_OUTPUT.value)
    if (output / "config.json").exists():
        raise InputError(f"{output} holds a run, and its report; name another folder with --output=DIR")
    files.check_writable(output / "report.html")

    from vitlab import runtime

    runtime.start()
    from vitlab.feasibility_job import study_feasibility

    study_feasibility(config, output, with_umap=_UMAP.value)


if __name__ == "__main__":
    command.run(main)
