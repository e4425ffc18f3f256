"""Embeddings in two dimensions, to be looked at: PCA, t-SNE, UMAP. All begin from the same few."""

from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

WIDTH = 50  # dimensions that t-SNE, UMAP and k-means see (van der Maaten and Hinton 2008 took 30)
MOST_DRAWN = 3000  # images in a figure: t-SNE of so many takes a quarter of a minute
PERPLEXITY = 30.0
NEIGHBOURS = 15


@dataclass(frozen=True)
class Reduced:
    """float32 [images, up to WIDTH], most variance first; `shares` of the variance by dimension."""

    points: np.ndarray
    shares: np.ndarray


def reduce_width(embeddings: np.ndarray, seed: int) -> Reduced:
    """The first principal components; of few images or a narrow network, all that there are."""
    from sklearn.decomposition import PCA  # late: only a study needs it, and every run imports this

    width = min(WIDTH, *embeddings.shape)
    components = PCA(width, random_state=seed)
    points = components.fit_transform(embeddings)
    return Reduced(points.astype(np.float32), components.explained_variance_ratio_)


def drawn_rows(labels: np.ndarray, seed: int, most: int = MOST_DRAWN) -> np.ndarray:
    """All rows, or about `most`, of each class its share and one at least; in ascending order."""
    if len(labels) <= most:
        return np.arange(len(labels))
    generator = np.random.default_rng(seed)
    share = most / len(labels)
    chosen = []
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        count = max(1, round(len(rows) * share))
        chosen.append(generator.choice(rows, count, replace=False))
    return np.sort(np.concatenate(chosen))


def perplexity(count: int) -> float:
    """Of t-SNE: so many images count as neighbours; fewer where there are few images."""
    return min(PERPLEXITY, max(1.0, (count - 1) / 3))


def tsne(points: np.ndarray, seed: int) -> np.ndarray:
    """[images, 2] by van der Maaten's method, begun from the principal components."""
    from sklearn.manifold import TSNE

    method = TSNE(perplexity=perplexity(len(points)), init="pca", random_state=seed)
    with threadpool_limits(1):  # threads that wait for a busy core spin: twenty times slower
        return method.fit_transform(points)


def umap(points: np.ndarray, seed: int) -> np.ndarray:
    """[images, 2] by the method of McInnes, Healy and Melville (2018), on one thread, as a seed asks."""
    from umap import UMAP

    neighbours = min(NEIGHBOURS, len(points) - 1)
    method = UMAP(n_neighbors=neighbours, random_state=seed, n_jobs=1)
    return method.fit_transform(points)
