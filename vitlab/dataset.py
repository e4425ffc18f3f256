"""Looks at a collection of images before anyone trains on it, and can write a cleaned copy.

    python -m vitlab.dataset --data=FOLDER|CSV|tfds:NAME|digits --output=DIR [--split=split.csv]
        [--weights=NAME|FILE [--model=NETWORK]] [--fix=DIR] [--language=fr] [--config=FILE]
        [--config.KEY=VALUE ...]

DIR/report.html shows, and DIR/dataset.json lists: classes, sizes, formats, what is unreadable or must
be repaired, copies of a picture and where they stand, and images that show too little. With --weights
a network is asked whether pictures that look alike are copies. --fix writes a copy without what is
certainly wrong, as class folders with a list of what was done; the collection itself is never changed.

The columns of a CSV file, classes and the like are said as for vitlab.main, by the config that you
train with or without one:

    python -m vitlab.dataset --data=shop.csv --config.dataset.columns.path=image --output=DIR

Runs keep decoded images in the cache folder; this removes them:

    python -m vitlab.dataset --clear_cache
"""

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path

from absl import flags
from ml_collections import config_flags

from vitlab import command, default_config, files, place
from vitlab.config import Config, Dataset, Model, resolve_data
from vitlab.errors import InputError

with command.defining_config():
    _CONFIG = config_flags.DEFINE_config_file(
        "config", default_config.__file__, "A config whose dataset is to be looked at.", lock_config=True
    )
_DATA = flags.DEFINE_string("data", None, "The images; those of the config if not given.")
_OUTPUT = flags.DEFINE_string("output", None, "The folder for report.html and dataset.json.")
_SPLIT = flags.DEFINE_string("split", None, "The split.csv of a run, to find copies across its parts.")
_WEIGHTS = flags.DEFINE_string("weights", None, "Weights of a network that is asked about near copies.")
_MODEL = flags.DEFINE_string("model", None, "The network of --weights; a name's own if not given.")
_FIX = flags.DEFINE_string("fix", None, "A new folder for a cleaned copy.")
_LANGUAGE = flags.DEFINE_string("language", None, "Of the report; the config's if not given.")
_CLEAR = flags.DEFINE_bool("clear_cache", False, "Only remove the decoded images that no run reads.")


def main() -> None:
    if _CLEAR.value:
        from vitlab.data import clear_pixels

        clear_pixels()
        return
    config, output = _from_flags()
    fix = _checked_fix(config.dataset) if _FIX.value is not None else None
    files.check_writable(output / "report.html")
    if _MODEL.value and not _WEIGHTS.value:
        raise InputError("--model is the network of --weights=NAME|FILE; give both, or neither")

    from vitlab import runtime

    runtime.start()
    from vitlab.dataset_job import look_at_dataset

    model = Model(name=_MODEL.value or "", weights=_WEIGHTS.value) if _WEIGHTS.value else None
    look_at_dataset(config, output, Path(_SPLIT.value) if _SPLIT.value else None, model, fix)


def _from_flags() -> tuple[Config, Path]:
    if not _OUTPUT.value:
        raise InputError("give a folder for the report with --output=DIR")
    config = resolve_data(command.chosen_config(_CONFIG.value))
    config = command.in_language(config, _LANGUAGE.value)
    if _DATA.value is not None:
        config = dataclasses.replace(
            config, dataset=dataclasses.replace(config.dataset, path=_DATA.value)
        )
    place.check_place(config.dataset.path, "--data")
    output = Path(_OUTPUT.value)
    if (output / "config.json").exists():
        raise InputError(f"{output} holds a run, and its report; name another folder with --output=DIR")
    if os.path.isdir(config.dataset.path):
        _check_outside(output, config.dataset.path, "--output")
    return config, output


def _checked_fix(dataset: Dataset) -> Path:
    """Raises InputError unless the folder is new or empty, and away from the images."""
    if not _FIX.value:
        raise InputError("name a new folder for the cleaned copy with --fix=DIR")
    folder = Path(os.path.abspath(_FIX.value))
    if place.is_file_or_folder(dataset.path):
        is_table = os.path.isfile(dataset.path)
        images = (
            os.path.join(os.path.dirname(dataset.path), dataset.images) if is_table else dataset.path
        )
        _check_outside(folder, images, "--fix")
    try:
        if folder.is_symlink() or (folder.exists() and (not folder.is_dir() or any(folder.iterdir()))):
            raise InputError(f"{folder} is there and not empty; name a new folder with --fix=DIR")
    except OSError as error:
        raise InputError(f"cannot open {folder}: {error.strerror} (--fix)") from error
    files.check_writable(folder / "fixed.csv")
    return folder


def _check_outside(folder: Path, images: str, flag: str) -> None:
    """A class folder may be a link to elsewhere; there are images too."""
    for taken in (images or ".", *_folders_in(images, levels=2)):
        if place.lies_in(folder, taken):
            raise InputError(
                f"{folder} lies in a folder of the images, {taken}; name another place ({flag})"
            )


def _folders_in(folder: str, levels: int) -> Iterator[str]:
    try:
        found = [entry.path for entry in os.scandir(folder or ".") if entry.is_dir()]
    except OSError:  # whoever opens the collection says why
        return
    for path in found:
        yield path
        if levels > 1:
            yield from _folders_in(path, levels - 1)


if __name__ == "__main__":
    command.run(main)
