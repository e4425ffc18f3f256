"""Signs in the names that the images come from what networks are pretrained on (contract, mistake 9).

Names are all that can be looked at: the images that a publisher trained on are not to be had. So a sign
is worth a warning, and no sign proves nothing. That a class is called as one of ImageNet's is no sign: a
user's own cats are cats.
"""

import re
import string
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
NAMES, NUMBER = ("name", "names"), r"\d[\d,]*"  # among the values of a sign
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
        signs.append(_by_name(own))
    classes = [name for name in table.class_names if SYNSET.search(name)]
    if classes:
        signs.append(_by_classes(len(classes), len(table.class_names), _listed(classes)))
    names = [path.rpartition("/")[2] for path in table.paths]
    files = [name for name in names if SYNSET.search(name) or IMAGENET_FILE.search(name)]
    if len(files) >= max(1, LEAST_SHARE * len(names)):
        signs.append(_by_files(len(files), len(names), _listed(files)))
    return signs


def signs_again(texts: Sequence[str]) -> list[str]:
    """Signs that went through a file as English texts, as the messages that they were.

    One that an older vitlab has worded otherwise stays a text.
    """
    return [_sign_again(text) for text in texts]


def _sign_again(text: str) -> str:
    if found := _values(_by_name(""), text):
        return _by_name(found["name"])
    for sentence in (_by_classes, _by_files):
        if found := _values(sentence(1, 1, ""), text):
            n, every = (int(found[value].replace(",", "")) for value in ("n", "all"))
            return sentence(n, every, found["names"])
    return text


def _values(message: Message, text: str) -> dict[str, str] | None:
    """What `text` has where the `message` has its values; None if it is another sentence."""
    for words in (message.words, message.several):
        pattern = ""
        for literal, value, *_ in string.Formatter().parse(words):
            pattern += re.escape(literal)
            if value:
                pattern += f"(?P<{value}>{r'.+' if value in NAMES else NUMBER})"
        if found := re.fullmatch(pattern, text, re.DOTALL):
            return found.groupdict()
    return None


def _by_name(name: str) -> Message:
    return Message("the name of the collection, {name}, is that of a set drawn from ImageNet", name=name)


def _by_classes(n: int, every: int, names: str) -> Message:
    return Message(
        "{n} of {all} classes carries a WordNet number, as ImageNet's do ({names})",
        "{n} of {all} classes carry a WordNet number, as ImageNet's do ({names})",
        n=n,
        all=every,
        names=names,
    )


def _by_files(n: int, every: int, names: str) -> Message:
    return Message(
        "{n} of {all} files is named as ImageNet's ({names})",
        "{n} of {all} files are named as ImageNet's ({names})",
        n=n,
        all=every,
        names=names,
    )


def _own_name(place: str) -> str:
    """Without the folders around it, which are the user's own order and may be called after anything.

    A table, or a folder of one part, is called as the folder that it lies in.
    """
    if not is_file_or_folder(place):
        return place
    path = Path(independent_of_here(place))
    return path.parent.name if path.is_file() or path.name.lower() in PART_NAMES else path.name


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
