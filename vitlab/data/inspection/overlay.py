"""Small grey pictures laid over each other: is one a copy of the other, cut a little?"""

import numpy as np

STEPS = 8  # of Gauss and Newton
FARTHEST = 0.2  # a copy that was cut by more than this share of a side is not looked for
HOPELESS_AFTER, HOPELESS = 3, 0.85  # steps; a correlation below which no pair came to be alike
AT_ONCE = 256  # pairs: what they need stays in a processor's cache


def likeness(looks: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """For each of at most `AT_ONCE` pairs of `looks` [n, side, side]: 1 if equal but for a cut.

    It is the correlation where one lies over the other best, scaled and shifted along each axis, made
    lighter or darker (Lucas and Kanade 1981); either may be the one that was cut.
    """
    first, second = (looks[pairs[:, side]] for side in (0, 1))
    still = np.concatenate([first, second]).astype(np.float32)
    moving = np.concatenate([second, first]).astype(np.float32)
    return _fit(still, moving).reshape(2, -1).max(axis=0)


def _fit(still: np.ndarray, moving: np.ndarray) -> np.ndarray:
    """The best correlation of each `still` with a part of its `moving`."""
    pairs, side, _ = still.shape
    place = np.linspace(-1, 1, side, dtype=np.float32)  # of pixels, from the centre
    down, across = place[:, None], place[None, :]
    scale, shift = np.ones((pairs, 2), np.float32), np.zeros((pairs, 2), np.float32)
    best = np.full(pairs, -1.0)
    active = np.arange(pairs)
    for step in range(STEPS):
        seen = _part(moving[active], scale[active], shift[active])
        best[active] = np.maximum(best[active], _correlation(still[active], seen))
        if step >= HOPELESS_AFTER:
            active, seen = active[best[active] > HOPELESS], seen[best[active] > HOPELESS]
            if not len(active):
                break
        slopes = [
            np.gradient(seen, place, axis=axis) / scale[active, axis - 1, None, None] for axis in (1, 2)
        ]
        columns = np.stack(
            [seen, np.ones_like(seen), slopes[0] * down, slopes[0], slopes[1] * across, slopes[1]],
            axis=1,
        ).reshape(len(active), 6, -1)
        square = columns @ columns.transpose(0, 2, 1) + 1e-3 * np.eye(6, dtype=np.float32)
        wanted = columns @ still[active].reshape(len(active), -1, 1)
        solution = np.linalg.solve(square.astype(np.float64), wanted.astype(np.float64))[:, :, 0]
        gain = np.where(np.abs(solution[:, :1]) < 1e-3, np.inf, solution[:, :1])
        change = solution[:, 2:] / gain
        scale[active] = np.clip(scale[active] + change[:, [0, 2]], 1 - FARTHEST, 1)
        room = 1 - scale[active]
        shift[active] = np.clip(shift[active] + change[:, [1, 3]], -room, room)
    return best


def _part(pictures: np.ndarray, scale: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """What of each picture lies within `scale` of its sides around `shift`, bilinearly."""
    side = pictures.shape[1]
    place = np.linspace(-1, 1, side, dtype=np.float32)
    for axis in (1, 2):
        where = (place * scale[:, axis - 1, None] + shift[:, axis - 1, None] + 1) * ((side - 1) / 2)
        low = np.clip(np.floor(where), 0, side - 2).astype(np.intp)
        shape = (-1, side, 1) if axis == 1 else (-1, 1, side)
        share = (where - low).reshape(shape)
        low = low.reshape(shape)
        pictures = (
            np.take_along_axis(pictures, low, axis) * (1 - share)
            + np.take_along_axis(pictures, low + 1, axis) * share
        )
    return pictures


def _correlation(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Of pictures pair by pair; 0 for one of a single grey."""
    first, second = (array - array.mean(axis=(1, 2), keepdims=True) for array in (first, second))
    product = np.einsum("nij,nij->n", first, second)
    sizes = np.einsum("nij,nij->n", first, first) * np.einsum("nij,nij->n", second, second)
    return product / np.sqrt(np.maximum(sizes, 1e-6))
