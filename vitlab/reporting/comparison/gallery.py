"""Which test images a comparison shows, with what each model answered."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from vitlab.data import PRIVATE, REPUBLISH, DecodeError, Source, open_source
from vitlab.errors import InputError
from vitlab.evaluation import label_errors, least_certain, most_confidently_wrong
from vitlab.language import Message
from vitlab.reporting.comparison.candidates import Candidate, Compared
from vitlab.reporting.pictures import Answer, Picture, picture

MOST_CLASSES = 60  # of more classes, as many are drawn at random
MOST_ANSWERS = 6  # below an image; of more models, those that are wrong come first
GRID, SOME = 16, 8
GREY = (200, 200, 200)


@dataclass(frozen=True)
class Gallery:
    """Images of the first run's collection, found by their id; grey where one is gone, or may not be
    republished (S0-02), unless all the runs are private."""

    compared: Compared
    source: Source
    seed: int
    shown: dict[str, Image.Image] = field(default_factory=dict)

    def one_per_class(self) -> list[Picture]:
        """A random image of each class, with the answers of the models by their number (S0-24)."""
        labels = self.compared.candidates[0].test.labels
        generator = np.random.default_rng(self.seed)
        chosen = np.unique(labels)
        if len(chosen) > MOST_CLASSES:
            chosen = np.sort(generator.choice(chosen, MOST_CLASSES, replace=False))
        rows = [int(generator.choice(np.flatnonzero(labels == label))) for label in chosen]
        return [self._with_answers(row) for row in rows]

    def grid(self, candidate: Candidate) -> list[Picture]:
        """Random images titled with the truth, the answer and its probability (S1-14, S2-24)."""
        generator = np.random.default_rng([self.seed, 1])
        rows = generator.permutation(self.compared.n)[:GRID].tolist()
        return [self._titled(row, candidate) for row in rows]

    def wrong_for_all(self) -> list[Picture]:
        """Images that no model answers rightly, those first of whose wrong answers they are surest."""
        models = self.compared.models.values()
        wrong = np.all([model.answers != model.labels for model in models], axis=0)
        sure = np.mean([model.probabilities.max(axis=1) for model in models], axis=0)
        rows = np.flatnonzero(wrong)
        rows = rows[np.argsort(-sure[rows], kind="stable")][:SOME]
        return [self._with_answers(int(row), self._path(int(row))) for row in rows]

    def surest_mistakes(self, candidate: Candidate) -> list[Picture]:
        rows = most_confidently_wrong(candidate.test, SOME).tolist()
        return [self._titled(row, candidate) for row in rows]

    def least_certain(self, candidate: Candidate) -> list[Picture]:
        rows = least_certain(candidate.test, SOME).tolist()
        return [self._titled(row, candidate) for row in rows]

    def likely_mislabelled(self, candidate: Candidate) -> list[Picture]:
        """By confident learning from what models answered that had not seen the image."""
        found = label_errors(candidate.test)
        names, labels = self.compared.class_names, candidate.test.labels
        return [
            self._picture(
                row,
                Message(
                    "{image}: {label}, likelier {suggested}",
                    image=self._path(row),
                    label=names[labels[row]],
                    suggested=names[suggested],
                ),
                (),
            )
            for row, suggested in zip(
                found.rows[:SOME].tolist(), found.suggested[:SOME].tolist(), strict=True
            )
        ]

    def near_copies(self, rows: Sequence[Mapping[str, Any]]) -> list[Picture]:
        """Wrong answers, each beside the training image that it is a near copy of; a pair but once."""
        tests = {str(id_): row for row, id_ in enumerate(self.compared.candidates[0].test.ids)}
        table = self.source.table
        place_of = {path: place for place, path in enumerate(table.paths)}
        pictures: list[Picture] = []
        pairs = dict.fromkeys((row["path"], row["copy"]) for row in rows)
        for path, copy in itertools.islice(pairs, SOME):
            place, other = place_of.get(path), place_of.get(copy)
            if place is None or other is None or table.ids[place] not in tests:
                continue
            first, second = (table.class_names[table.labels[one]] for one in (place, other))
            caption = Message("test: {label}", label=first)
            pictures.append(self._with_answers(tests[table.ids[place]], caption, path=path))
            caption = Message("train: {label}", label=second)
            pictures.append(picture(self._image(table.ids[other]), caption, path=copy))
        return pictures

    def of_ids(self, ids: Sequence[str], models: Sequence[str]) -> list[Picture]:
        """The first images of a change, with the two models' answers (S0-25)."""
        rows = {str(id_): row for row, id_ in enumerate(self.compared.candidates[0].test.ids)}
        return [self._with_answers(rows[id_], self._path(rows[id_]), models) for id_ in ids[:SOME]]

    def _with_answers(
        self, row: int, caption: str = "", names: Sequence[str] | None = None, path: str = ""
    ) -> Picture:
        answers = []
        for number, one in enumerate(self.compared.candidates, 1):
            if names is not None and one.name not in names:
                continue
            probabilities = one.test.select(np.array([row])).probabilities[0]
            answer = int(probabilities.argmax())
            text = Message(
                "{model}: {answer} ({probability:.0%})",
                model=number,
                answer=self.compared.class_names[answer],
                probability=probabilities[answer],
            )
            answers.append(Answer(text, answer == one.test.labels[row]))
        if len(answers) > MOST_ANSWERS:
            right = sum(answer.is_right for answer in answers)
            first = sorted(answers, key=lambda answer: answer.is_right)[: MOST_ANSWERS - 1]
            every = Message("{right} of {all} models right", right=right, all=len(answers))
            answers = [Answer(every, right == len(answers)), *first]
        return self._picture(row, caption or self._truth(row), tuple(answers), path)

    def _titled(self, row: int, candidate: Candidate) -> Picture:
        probabilities = candidate.test.select(np.array([row])).probabilities[0]
        answer = int(probabilities.argmax())
        right = answer == candidate.test.labels[row]
        text = Message(
            "Pred: {answer} ({probability:.0%})",
            answer=self.compared.class_names[answer],
            probability=probabilities[answer],
        )
        caption = Message("True: {label}", label=self._truth(row))
        return self._picture(row, caption, (Answer(text, bool(right)),), self._path(row))

    def _truth(self, row: int) -> str:
        return self.compared.class_names[self.compared.candidates[0].test.labels[row]]

    def _path(self, row: int) -> str:
        """What the split calls the image, with its class where the path does not say it."""
        id_, truth = str(self.compared.candidates[0].test.ids[row]), self._truth(row)
        place = self._places.get(id_)
        path = self.source.table.paths[place] if place is not None else id_[:12]
        return path if truth in path.split("/") else f"{path} ({truth})"

    def _picture(self, row: int, caption: str, answers: tuple[Answer, ...], path: str = "") -> Picture:
        id_ = str(self.compared.candidates[0].test.ids[row])
        if id_ not in self.shown:
            self.shown[id_] = self._image(id_)
        return picture(self.shown[id_], caption, answers, path=path)

    @property
    def _places(self) -> dict[str, int]:
        return self.source.table.first_rows()

    def _image(self, id_: str) -> Image.Image:
        place, grey = self._places.get(id_), Image.new("RGB", (120, 120), GREY)
        if place is None or self._is_hidden(place):
            return grey
        try:
            return self.source.read(place).image
        except (DecodeError, OSError):
            return grey

    def _is_hidden(self, place: int) -> bool:
        private = all(run.config.report.private for run in self.compared.runs)
        return not private and self.source.table.column(REPUBLISH)[place] == PRIVATE


def open_gallery(compared: Compared, seed: int) -> Gallery | str:
    """Or why there is none: the images are where the first run found them, or not there at all."""
    try:
        source = open_source(compared.runs[0].config.dataset)
    except InputError as error:
        return str(error)
    return Gallery(compared, source, seed)
