"""A data set that tensorflow-datasets has prepared, read without TensorFlow."""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from vitlab import config
from vitlab.data.decode import Decoded, decode_bytes
from vitlab.data.sources.names import check_class_names
from vitlab.data.sources.remarks import Remark
from vitlab.data.table import PART, PART_NAMES, Table
from vitlab.errors import InputError
from vitlab.language import Message
from vitlab.place import PREPARED
from vitlab.progress import track

FORMAT = "array_record"  # parquet loses rows, and tfrecord needs TensorFlow


class Prepared:
    """`NAME`, `NAME/CONFIG` or `NAME:VERSION`, whose examples have one image and one label.

    Its splits train, validation and test are the parts; others are left out, and so is what has no
    label. An example's path is its split and its place there.
    """

    def __init__(self, name: str, settings: config.Dataset):
        import tensorflow_datasets as tfds  # late: its import takes a second

        builder = _open(name, settings.images)
        self._image, label = _image_and_label(builder, name)
        class_names = builder.info.features[label].names
        remarks = check_class_names(class_names, PREPARED + name)
        splits, others = _splits(builder, name)
        if others:
            what = Message(
                "the split {splits} of {place} is left out",
                "the splits {splits} of {place} are left out",
                n=len(others),
                splits=", ".join(others),
                place=PREPARED + name,
            )
            remarks.append(Remark(what))
        undecoded = {self._image: tfds.decode.SkipDecoding()}
        self._examples = []  # the split's examples, and the place there
        ids, paths, labels = [], [], []
        unlabelled = 0
        for split in splits:
            examples = builder.as_data_source(split=split, decoders=undecoded)
            for place in track(range(len(examples)), len(examples), f"reading {split}", "images"):
                example = examples[place]
                if example[label] < 0:
                    unlabelled += 1
                else:
                    self._examples.append((examples, place))
                    ids.append(hashlib.sha256(example[self._image]).hexdigest())
                    paths.append(f"{split}/{place}")
                    labels.append(example[label])
        if unlabelled:
            what = Message(
                "{n} example without a label is left out",
                "{n} examples without a label are left out",
                n=unlabelled,
            )
            remarks.append(Remark(what))
        used = sorted(set(labels))
        unused = [class_names[label] for label in range(len(class_names)) if label not in set(used)]
        if unused:
            what = Message(
                "{n} class of {place} has no example; it is left out",
                "{n} classes of {place} have no example; they are left out",
                n=len(unused),
                place=PREPARED + name,
            )
            remarks.append(Remark(what, tuple(unused)))
        self.remarks = tuple(remarks)
        given = {PART: tuple(PART_NAMES[path.partition("/")[0]] for path in paths)}
        self.table = Table(
            ids=tuple(ids),
            paths=tuple(paths),
            labels=np.searchsorted(used, labels).astype(np.int32),
            class_names=tuple(class_names[label] for label in used),
            columns=given if len(splits) > 1 else {},
        )

    def read(self, row: int, enough: int = 0) -> Decoded:
        return decode_bytes(self.content(row), enough)

    def changed(self, rows: Sequence[int]) -> list[int]:
        ids = self.table.ids
        return [row for row in rows if hashlib.sha256(self.content(row)).hexdigest() != ids[row]]

    def content(self, row: int) -> bytes:
        examples, place = self._examples[row]
        return examples[place][self._image]


def _open(name: str, folder: str) -> Any:
    """The builder, whose files are there in a format that can be read.

    Raises:
        InputError: it is not known, not prepared, or in another format; the message says how to prepare.
    """
    import tensorflow_datasets as tfds

    where = folder or str(tfds.core.constants.DATA_DIR)
    try:
        builder = tfds.builder(name, data_dir=folder or None, try_gcs=False)
    except Exception as error:  # of many kinds, with pages of advice
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise InputError(
            f"tensorflow-datasets cannot open {name!r} in {where}: {reason} (dataset.path)"
        ) from error
    kind = builder.info.file_format
    if not builder.is_prepared() or kind is None or kind.value != FORMAT:
        state = f"prepared as {kind.value}" if builder.is_prepared() and kind else "not prepared"
        raise InputError(
            f"{PREPARED}{name} is {state} in {where}; prepare it once in Python, for many sets with "
            f"TensorFlow installed: tensorflow_datasets.builder({name!r}, data_dir={where!r}, "
            f"file_format={FORMAT!r}).download_and_prepare()"
        )
    return builder


def _image_and_label(builder: Any, name: str) -> tuple[str, str]:
    """The keys of the only image and of the class label that goes with it."""
    import tensorflow_datasets as tfds

    features = builder.info.features
    kinds = {tfds.features.Image: "an image", tfds.features.ClassLabel: "a class label"}
    found = []
    for kind, what in kinds.items():
        keys = [key for key, feature in features.items() if type(feature) is kind]
        supervised = [key for key in keys if key in (builder.info.supervised_keys or ())]
        if len(supervised or keys) != 1:
            raise InputError(
                f"{PREPARED}{name} has {len(keys)} features that are {what}, where one is needed; "
                f"it has {', '.join(features)}"
            )
        found += supervised or keys
    image, label = found
    return image, label


def _splits(builder: Any, name: str) -> tuple[list[str], list[str]]:
    """Those that are parts, and the others."""
    known = [split for split in builder.info.splits if split in PART_NAMES]
    others = [split for split in builder.info.splits if split not in PART_NAMES]
    if not known:
        raise InputError(f"{PREPARED}{name} has no split train, validation or test, but {others}")
    return known, others
