"""Signs in the names that the images come from what networks are pretrained on (contract, mistake 9).

Names are all that can be looked at: the images that a publisher trained on are not to be had. So a sign
is worth a warning, and no sign proves nothing. That a class is called as one of ImageNet's is no sign: a
user's own cats are cats.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from vitlab.data.table import PART_NAMES, Table
from vitlab.language import Message
from vitlab.place import independent_of_here, is_file_or_folder

IMAGENET = "ImageNet"  # in what the catalogue of weights says of all that holds its images

# WordNet's number of a noun, by which ImageNet names its classes and files; and ImageNet's other files.
SYNSET = re.compile(r"(?<![0-9A-Za-z])n\d{8}(?!\d)")
IMAGENET_FILE = re.compile(r"ILSVRC2012_(val|test)_\d{8}", re.IGNORECASE)

# Published sets whose pictures were taken from ImageNet, by letters of their names.
DRAWN_FROM_IMAGENET = ("imagenet", "imagewoof", "imagewang", "stanforddogs")
LEAST_SHARE = 0.01  # of the images: fewer may be called so by chance


def pretraining_signs(place: str, table: Table, trained_on: str | None = None) -> list[Message]:
    """Sentences, none where there is no sign. `place` is what the user calls the collection.

    `trained_on` is what the weights at hand learned from, if that is known: these signs are all of
    ImageNet, and say nothing of other data.
    """
    if trained_on and IMAGENET not in trained_on:
        return []
    signs = []
    own = _own_name(place)
    letters = re.sub(r"[^a-z]", "", own.lower())
    known = [name for name in DRAWN_FROM_IMAGENET if name in letters]
    if known:
        signs.append(
            Message("the name of the collection, {name}, is that of a set drawn from ImageNet", name=own)
        )
    classes = [name for name in table.class_names if SYNSET.search(name)]
    if classes:
        signs.append(
            Message(
                "{n} of {all} classes carries a WordNet number, as ImageNet's do: {names}",
                "{n} of {all} classes carry a WordNet number, as ImageNet's do: {names}",
                n=len(classes),
                all=len(table.class_names),
                names=_listed(classes),
            )
        )
    names = [path.rpartition("/")[2] for path in table.paths]
    files = [name for name in names if SYNSET.search(name) or IMAGENET_FILE.search(name)]
    if len(files) >= max(1, LEAST_SHARE * len(names)):
        signs.append(
            Message(
                "{n} of {all} files is named as ImageNet's: {names}",
                "{n} of {all} files are named as ImageNet's: {names}",
                n=len(files),
                all=len(names),
                names=_listed(files),
            )
        )
    return signs


def _own_name(place: str) -> str:
    """Without the folders around it, which are the user's own order and may be called after anything.

    A table, or a folder of one part, is called as the folder that it lies in.
    """
    if not is_file_or_folder(place):
        return place
    path = Path(independent_of_here(place))
    return path.parent.name if path.is_file() or path.name.lower() in PART_NAMES else path.name


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
