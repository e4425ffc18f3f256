"""What `vitlab.dataset` does once its flags are known to be sound."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import jax
import numpy as np

from vitlab import config, files, runtime
from vitlab.circumstances import circumstances
from vitlab.config import Config
from vitlab.data import (
    NEAR,
    Examined,
    Groups,
    Inspection,
    Pair,
    class_folders,
    inspect_source,
    map_store,
    open_source,
    read_split,
    to_json,
    write_clean_copy,
)
from vitlab.errors import InputError
from vitlab.language import language_of
from vitlab.models import Blueprint, draw_blueprint, first_model, load_card
from vitlab.progress import say
from vitlab.reporting import write_dataset_report
from vitlab.weights import named

BATCH = 16  # images per device
AT_ONCE = 1024  # images whose pixels are in memory
RANDOM_IMAGES = 200  # among which every pair is taken for two different pictures
SURE = 99.9  # percent of them that must be less similar than a pair of copies


def look_at_dataset(
    settings: Config, output: Path, split: Path | None, model: config.Model | None, fix: Path | None
) -> None:
    """Writes the report, its JSON, and the cleaned copy if there is a place for it."""
    blueprint = draw_blueprint(_with_name(model)) if model else None
    parts = read_split(split) if split else None
    source = open_source(settings.dataset, fewest_classes=1)
    if fix:
        class_folders(source.table.class_names)  # what cannot be copied is refused before all is read
    network = _Network(blueprint, settings.seed) if blueprint else None
    inspection = inspect_source(source, settings.dataset.path, parts, network.agree if network else None)
    private, language = settings.report.private, language_of(settings.report.language)
    facts = {
        **circumstances(),
        "seed": settings.seed,
        "config": {"dataset": config.to_json(settings)["dataset"]},
    }
    files.write_json(output / "dataset.json", facts | to_json(inspection))
    report = output / "report.html"
    write_dataset_report(inspection, report, language, facts=facts, private=private, fixed=None)
    _say_findings(inspection)
    if fix:
        actions = write_clean_copy(inspection, fix, private)
        write_dataset_report(inspection, report, language, facts=facts, private=private, fixed=actions)
        kept = sum(bool(action.target) for action in actions)
        say(f"clean copy  {fix}: {kept} images, {len(actions) - kept} left out; see {fix / 'fixed.csv'}")
    say(f"report  {report}")


def _with_name(model: config.Model) -> config.Model:
    """The network that the weights are of, where they say it themselves."""
    if model.name:
        return model
    checkpoint = named(model.weights)
    if checkpoint:
        return dataclasses.replace(model, name=checkpoint.model)
    if (Path(model.weights) / "model.json").is_file():
        return dataclasses.replace(model, name=load_card(Path(model.weights)).name)
    raise InputError(f"name the network that {model.weights} is of with --model=NETWORK (--weights)")


class _Network:
    """Asked about pairs of pictures that look alike."""

    def __init__(self, blueprint: Blueprint, seed: int):
        self._preprocessing = blueprint.preprocessing
        self._model = first_model(blueprint, ("any",), "squash", seed)
        network = self._model.network
        self._embed = jax.jit(network.embed, compiler_options=network.compiler_options())
        self._generator = np.random.default_rng(seed)

    def agree(self, examined: Examined, pairs: Sequence[Pair]) -> list[Pair]:
        """Those whose embeddings are as similar as those of hardly any two images of the collection."""
        count = len(examined.table)
        drawn = self._generator.choice(count, min(RANDOM_IMAGES, count), replace=False).tolist()
        rows = sorted({row for pair in pairs for row in (pair.first, pair.second)} | set(drawn))
        place = {row: index for index, row in enumerate(rows)}
        embeddings = self._embeddings(examined, rows)
        # Not all pairs that look alike are among `pairs`: others hang together through these.
        group = Groups(count)
        group.tie(np.array([(pair.first, pair.second) for pair in pairs]))
        others = [
            float(embeddings[place[first]] @ embeddings[place[second]])
            for index, first in enumerate(drawn)
            for second in drawn[:index]
            if group.numbers[first] != group.numbers[second]
            and examined.seen[first].pixels != examined.seen[second].pixels
        ]
        floor = np.percentile(others, SURE) if others else -1.0
        asked = [
            dataclasses.replace(
                pair, similarity=float(embeddings[place[pair.first]] @ embeddings[place[pair.second]])
            )
            for pair in pairs
        ]
        agreed = [pair for pair in asked if pair.similarity is not None and pair.similarity >= floor]
        say(
            f"of {len(asked)} pairs that look alike the network takes {len(agreed)} for copies: "
            f"similarity of at least {floor:.3f}, which {100 - SURE:.1f} % of random pairs have"
        )
        return agreed

    def _embeddings(self, examined: Examined, rows: Sequence[int]) -> np.ndarray:
        """Of length 1, a row for each image."""
        mesh = runtime.device_mesh()
        chunks = [
            map_store(
                lambda images: self._embed(self._model.parameters, self._model.statistics, images),
                examined.store(rows[start : start + AT_ONCE], self._preprocessing),
                BATCH * mesh.size,
                mesh,
                "asking the network",
            )
            for start in range(0, len(rows), AT_ONCE)
        ]
        embeddings = np.concatenate(chunks).reshape(len(rows), -1)
        return embeddings / np.maximum(np.linalg.norm(embeddings, axis=1, keepdims=True), 1e-12)


def _say_findings(inspection: Inspection) -> None:
    examined, copies = inspection.examined, inspection.copies
    say(f"{inspection.place}: {len(examined.table)} images of {len(examined.table.class_names)} classes")
    exact = [one for one in copies if one.kind != NEAR]
    for number, what in (
        (len(examined.unreadable), "files that cannot be read"),
        (
            sum(bool(seen.repairs) for seen in examined.seen),
            "images that are repaired when they are read",
        ),
        (len(exact), "pictures there more than once, equal to the last pixel"),
        (len(copies) - len(exact), "pictures there more than once, nearly the same"),
        (sum(len(one.classes) > 1 for one in copies), "of these, under several labels"),
        (sum(len(one.parts) > 1 for one in copies), "of these, in several parts"),
        *((len(flaw.rows), f"images that are {flaw.name}") for flaw in inspection.flaws),
    ):
        if number:
            say(f"  {what}: {number}")
    for sentence in inspection.balance:
        say(f"  {sentence}")
    for sign in inspection.pretraining:
        say(f"warning: networks may have been pretrained on these images: {sign}")
