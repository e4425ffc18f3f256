"""Many pictures that are nearly the same are found with few looks, and in the groups of all pairs."""

import itertools

import numpy as np
import pytest

from tests.data.inspection.collections import photograph
from vitlab.data.grouping import groups_of
from vitlab.data.inspection import near
from vitlab.data.inspection.measures import fingerprint
from vitlab.data.inspection.near import LEAST_LIKENESS, MOST_BITS, MOST_TINT, Pair, near_pairs
from vitlab.data.inspection.overlay import likeness


def look(seed: int) -> np.ndarray:
    return np.asarray(photograph(seed).convert("L").resize((32, 32))).astype(int)


def frames(picture: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    """Of a camera that stands still: the picture with a little noise, uint8 [count, 32, 32]."""
    noise = generator.integers(-2, 3, (count, *picture.shape))
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def prints_of(looks: np.ndarray) -> np.ndarray:
    return np.array([fingerprint(one) for one in looks])


def grouped(count: int, pairs: list[Pair]) -> list[list[int]]:
    return groups_of(count, [(pair.first, pair.second) for pair in pairs])


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many pairs each call of `likeness` gets."""
    sizes: list[int] = []

    def counted(looks: np.ndarray, pairs: np.ndarray) -> np.ndarray:
        sizes.append(len(pairs))
        return likeness(looks, pairs)

    monkeypatch.setattr(near, "likeness", counted)
    return sizes


def test_frames_of_one_scene_are_each_looked_at_about_once(fits: list[int]):
    looks = frames(look(1), 1500, np.random.default_rng(0))
    pairs = near_pairs(prints_of(looks), looks, np.zeros((1500, 3)))
    assert len(grouped(1500, pairs)) == 1
    assert sum(fits) == len(pairs) == 1499
    assert max(fits) <= near.AT_ONCE


def test_two_scenes_of_close_fingerprints_are_told_apart_in_few_rounds(fits: list[int]):
    """Each of their 1600 pairs must be looked at; if one by one, in 1600 calls."""
    generator = np.random.default_rng(0)
    looks = np.concatenate([frames(look(seed), 40, generator) for seed in (1, 2)])
    prints = np.repeat(np.array([0b000, 0b111], np.uint64), 40)
    pairs = near_pairs(prints, looks, np.zeros((80, 3)))
    assert grouped(80, pairs) == [list(range(40)), list(range(40, 80))]
    assert sum(fits) == 1600 + 78
    assert len(fits) < 24


@pytest.mark.parametrize("seed", range(3))
def test_groups_are_those_of_all_pairs(monkeypatch: pytest.MonkeyPatch, fits: list[int], seed: int):
    """Of scenes, copies cut by more and more, and the same with another thing in them, in any order."""
    generator = np.random.default_rng(seed)
    pictures = []
    for number in range(5):
        large = photograph(20 * seed + number).convert("L")
        pasted = large.copy()
        pasted.paste(photograph(number + 300).convert("L").resize((40, 36)), (60, 40))
        for picture in (large, pasted):
            for cut in generator.integers(0, 12, 4).tolist():
                part = picture.crop((cut, cut // 2, picture.width, picture.height)).resize((32, 32))
                pictures.append(frames(np.asarray(part).astype(int), 1, generator)[0])
    looks = generator.permutation(np.stack(pictures))
    prints, tints = (
        prints_of(looks),
        generator.choice([0.0, 5.0, 10.0], (len(looks), 3), p=[0.9, 0.05, 0.05]),
    )

    candidates = [
        (first, second)
        for first, second in itertools.combinations(range(len(looks)), 2)
        if int(prints[first] ^ prints[second]).bit_count() <= MOST_BITS
        and np.abs(tints[first] - tints[second]).max() <= MOST_TINT
    ]
    alike = likeness(looks, np.array(candidates)) >= LEAST_LIKENESS
    expected = groups_of(
        len(looks), [pair for pair, same in zip(candidates, alike, strict=True) if same]
    )
    assert 0 < alike.sum() < len(alike) <= near.AT_ONCE

    monkeypatch.setattr(near, "BLOCK", 12)
    monkeypatch.setattr(near, "ENOUGH", 30)
    pairs = near_pairs(prints, looks, tints)
    assert grouped(len(looks), pairs) == expected
    assert len(pairs) < alike.sum()
    assert sum(fits) < len(candidates)
