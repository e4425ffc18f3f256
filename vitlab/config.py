"""What a config can say, with its defaults, and how a config file is checked.

A config file is Python with a function `get_config` that starts from `defaults()` and changes what
the run needs. Every field can be overridden on the command line: `--config.model.name=vit_b16`.
"""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ml_collections import ConfigDict

from vitlab.errors import InputError
from vitlab.language import Code
from vitlab.phase_settings import Phase, check_phase
from vitlab.reported_figures import Reported, check_reported
from vitlab.typed import build


@dataclass(frozen=True)
class Columns:
    """The columns of a CSV file by their names in its first line; empty: there is none.

    Attributes:
        path: of the image, within `dataset.images`.
        label: the class, or the category tree that it is cut out of.
        part: "train", "val" or "test"; rows without one are drawn.
        group: images of one group stay in one part.
        hard: names the hard groups, which are evaluated on their own too.
        description: a text about the image.
        republish: "no" where it may not be shown to others.
        kept: others that are passed on to `split.csv`: where an image came from, its licence.
    """

    path: str = "path"
    label: str = "label"
    part: str = ""
    group: str = ""
    hard: str = ""
    description: str = ""
    republish: str = ""
    kept: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dataset:
    """Which images.

    Attributes:
        path: a folder of class folders, or one of these in each of `train` and `test`; a CSV file; a
            prepared data set of tensorflow-datasets, as `tfds:NAME`; or `digits`, scikit-learn's.
        images: the folder that the paths in a CSV file begin at, from the file's own; for `tfds:` the
            folder of prepared data sets, if it is not the usual one.
        columns: of a CSV file.
        encoding: of a CSV file.
        label_separator: stands between the levels of a category tree, such as ">>"; empty: the label is
            all that the column holds.
        label_level: so many levels of it make the class.
        classes: only these; empty: all.
        per_class: at most so many pictures of each; 0: all.
        resize: "squash" the whole image into the network's square, or "crop" the central part that
            the publisher of the weights looked at.
        decode: "exact", or "fast": training sees JPEGs that were decoded at a reduced scale. The
            validation and test parts are always exact.
        device_gib: images that an epoch needs stay on the devices if they take no more than this of
            each; negative: what suits the kind of device (`vitlab.data.resident`).
    """

    path: str = ""
    images: str = ""
    columns: Columns = Columns()
    encoding: str = "utf-8"
    label_separator: str = ""
    label_level: int = 1
    classes: tuple[str, ...] = ()
    per_class: int = 0
    resize: Literal["squash", "crop"] = "squash"
    decode: Literal["exact", "fast"] = "exact"
    device_gib: float = -1.0


@dataclass(frozen=True)
class Split:
    """Who is in train, val and test: stratified by class, drawn with the run's seed.

    Copies of a picture stay together, and so do the images of a group. Parts that the source gives stay
    as they are; those that it does not give are drawn from its `train`, or from the rows without a part.

    Attributes:
        fractions: of train, val and test; they sum to 1.
        test_then_val: instead of them, the share of test, and that of val in what is left.
        folds: instead of them, so many equal parts, of which `fold` is the test; val is a share of the
            rest, as `fractions` has it between train and val.
        fold: from 0.
        file: the `split.csv` of another run, to be used as it is.
    """

    fractions: tuple[float, ...] = (0.7, 0.15, 0.15)
    test_then_val: tuple[float, ...] = ()
    folds: int = 0
    fold: int = 0
    file: str = ""


@dataclass(frozen=True)
class Model:
    """Which network (`vitlab.models.PRESETS`), from which weights.

    Attributes:
        name: of a preset.
        weights: a published file, or the name of one in the catalogue; empty: random weights.
        input_size: pixels per side; 0: as the weights' publisher had it, else as the preset.
        options: arguments of the network that differ from the preset's.
        hidden: units of a layer with ReLU between the embedding and the layer that answers; 0: none.
        dropout: while the head trains, this share of what its last layer reads is dropped: of the
            hidden layer's output, or of the embedding where there is none.
        dtype: in which it computes: "bfloat16" is half as large, and fast where the device has it.
            Parameters, what the optimizer remembers, norms, logits and loss are float32 all the same.
    """

    name: str = ""
    weights: str = ""
    input_size: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)
    hidden: int = 0
    dropout: float = 0.0
    dtype: Literal["float32", "bfloat16"] = "float32"


@dataclass(frozen=True)
class Report:
    """What the report shows beside the figures.

    Attributes:
        classes: of which it shows several images; empty: the two that were confused most often.
        examples: how many images of each of them.
        private: show also the images that may not be republished (`dataset.columns.republish`).
        language: of the report, "en" or "fr"; files for machines and the terminal speak English.
        reported: what a study states of the same models.
    """

    classes: tuple[str, ...] = ()
    examples: int = 5
    private: bool = False
    language: Code = "en"
    reported: Reported = field(default_factory=Reported)


@dataclass(frozen=True)
class Config:
    """A whole run. `phases` train in the order in which the file names them.

    Attributes:
        seed: of the split, the initial weights, the order of images and the augmentation.
        batch_size: images per step over all devices.
        fsdp: the parameters and the optimizer's memory are cut over so many devices (Zhao et al. 2023),
            for networks that are too large for one; 1: each device holds all. All of them share the
            batch in any case.
        checkpoint_seconds: a checkpoint is due after so long; saving never takes more than about a
            twentieth of the time.
    """

    seed: int = 0
    batch_size: int = 32
    fsdp: int = 1
    checkpoint_seconds: float = 30.0
    dataset: Dataset = Dataset()
    split: Split = Split()
    model: Model = Model()
    phases: Mapping[str, Phase] = field(default_factory=dict)
    report: Report = Report()


def defaults() -> ConfigDict:
    """The default config, open for changes; a file must still name a model and phases."""
    config = ConfigDict(dataclasses.asdict(Config()))
    config.phases = ConfigDict(sort_keys=False)
    return config


def phase(**changes: Any) -> ConfigDict:
    """A phase with `changes` to the defaults; `augmentation` is a dictionary of its own changes."""
    return ConfigDict(dataclasses.asdict(build(Phase, changes, "phase")))


def resolve(config: ConfigDict) -> Config:
    """The checked, typed, unchangeable form of a config.

    Raises:
        InputError: an unknown key (the nearest known one is offered), a value of another type, or
            one that cannot be.
    """
    return from_json(config.to_dict(preserve_field_references=False))


def resolve_data(config: ConfigDict) -> Config:
    """Like `resolve`, for who looks at images and trains nothing: model and phases may be left open."""
    resolved = build(Config, config.to_dict(preserve_field_references=False))
    _check_data(resolved)
    return resolved


def to_json(config: Config) -> dict[str, Any]:
    return dataclasses.asdict(config)


def from_json(values: Mapping[str, Any]) -> Config:
    """Like `resolve`, from plain dictionaries."""
    resolved = build(Config, values)
    _check(resolved)
    return resolved


def differences(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> list[str]:
    """The keys in which two configs in JSON form differ: `model.name: "vit_ti16", now "vit_s16"`.

    The order of phases differs if new ones do not come after the old ones.
    """
    found = []
    for key in dict.fromkeys([*old, *new]):
        before, after = old.get(key), new.get(key)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            found += differences(before, after, f"{prefix}{key}.")
        elif before != after:
            found.append(f"{prefix}{key}: {before!r}, now {after!r}")
    before, after = list(old.get("phases", ())), list(new.get("phases", ()))
    if not prefix and set(before) <= set(after) and after[: len(before)] != before:
        found.append("the order of phases")
    return found


def _check(config: Config) -> None:
    _check_data(config)
    _at_least("batch_size", config.batch_size, 1)
    _at_least("fsdp", config.fsdp, 1)
    _at_least("model.input_size", config.model.input_size, 0)
    if not config.model.name:
        raise InputError("model.name is empty; name a network, such as --config.model.name=vit_ti16")
    if not config.phases:
        raise InputError("phases is empty; a run needs at least one (see configs/transfer.py)")
    for name, settings in config.phases.items():
        check_phase(name, settings, config.batch_size)
    check_reported(config.report.reported, config.phases)


def _check_data(config: Config) -> None:
    _at_least("seed", config.seed, 0)
    if config.seed >= 2**32:
        raise InputError(f"seed is {config.seed}; it must be below 2**32")
    _at_least("report.examples", config.report.examples, 0)
    _at_least("dataset.label_level", config.dataset.label_level, 1)
    _at_least("dataset.per_class", config.dataset.per_class, 0)
    if math.isnan(config.dataset.device_gib):
        raise InputError("dataset.device_gib is nan; it must be a number of GiB")
    _check_split(config.split)


def _check_split(split: Split) -> None:
    _check_fractions(split.fractions)
    rest = split.test_then_val
    if rest and not (len(rest) == 2 and all(0 < share < 1 for share in rest)):
        raise InputError(
            f"split.test_then_val is {rest}; it must be two shares between 0 and 1, such as (0.15, 0.2)"
        )
    ways = [bool(rest), bool(split.folds), bool(split.file)]
    if sum(ways) > 1:
        raise InputError("of split.test_then_val, split.folds and split.file only one can be set")
    if split.folds and not 3 <= split.folds <= 100:
        raise InputError(f"split.folds is {split.folds}; it must be 3 to 100, or 0 for no folds")
    if not 0 <= split.fold < max(split.folds, 1):
        raise InputError(
            f"split.fold is {split.fold}; it must be 0 to {max(split.folds, 1) - 1} (split.folds)"
        )


def _check_fractions(fractions: tuple[float, ...]) -> None:
    terms = " + ".join(f"{part:g}" for part in fractions)
    if len(fractions) != 3 or not all(share > 0 for share in fractions):
        raise InputError(f"split fractions {terms} must be three positive shares (split.fractions)")
    if not abs(sum(fractions) - 1) <= 1e-6:
        raise InputError(
            f"split fractions {terms} sum to {sum(fractions):g}; they must sum to 1 (split.fractions)"
        )


def _at_least(where: str, value: float, least: float) -> None:
    if not value >= least:
        raise InputError(f"{where} is {value}; it must be at least {least}")
