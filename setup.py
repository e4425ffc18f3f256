"""Installs vitlab: `pip install .`, with a GPU `pip install .[cuda]`, on a TPU VM `.[tpu]`.

Every lower bound was tried: the tests pass with exactly these versions on Python 3.11.
"""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent

# The versions that scikit-learn, Orbax and the like need themselves are theirs to state.
REQUIREMENTS = [
    "jax>=0.10.2",
    "flax>=0.12.8",
    "optax>=0.2.8",
    "orbax-checkpoint>=0.12.8",
    "tensorflow-datasets>=4.9.10",
    "grain>=0.2.18",
    "scikit-learn>=1.6",
    "absl-py>=2.3",
    "ml_collections>=1.1",
    "numpy>=2.1",
    "scipy>=1.14",
    "threadpoolctl>=3.1",
    "jaxtyping>=0.3",
    "Pillow>=11.3",
    "simplejpeg>=1.8.0",
    "Jinja2>=3.1.6",
    "safetensors>=0.5",
    "h5py>=3.12",
    "requests>=2.32",
    "tqdm>=4.67",
]

EXTRAS = {
    "cuda": ["jax[cuda12]"],
    "tpu": ["jax[tpu]"],
    "tensorboard": ["tensorboard>=2.21"],
    "umap": ["umap-learn>=0.5.12"],
    "test": [
        "tensorboard>=2.21",
        "pytest>=8.3",
        "pytest-xdist>=3.8",
        "hypothesis>=6.120",
        "beartype>=0.20",
        "matplotlib>=3.10",  # its fonts, by which the letters of a drawing are measured
        "importlib_resources>=6.4",  # tensorflow-datasets needs it to prepare a set, and does not say so
    ],
    "parity": [
        "torch>=2.13",
        "torchvision",
        "timm>=1.0.31",
        "transformers>=5.23",
        "keras>=3.15",
        "open_clip_torch>=3.3",
    ],
    "lint": ["ruff>=0.14", "mypy>=1.18", "types-requests", "types-tqdm"],
}

version = re.search(r'__version__ = "(.+)"', (ROOT / "vitlab/__init__.py").read_text())
assert version is not None

setup(
    name="vitlab",
    version=version[1],
    description="Train, compare and explain image classifiers in pure JAX",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=find_packages(include=["vitlab", "vitlab.*"]),
    package_data={
        "vitlab": ["languages/*.json"],
        "vitlab.reporting": ["templates/*.html", "templates/*.js", "templates/*.md"],
    },
    install_requires=REQUIREMENTS,
    extras_require=EXTRAS,
    classifiers=[
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Topic :: Scientific/Engineering :: Image Recognition",
    ],
)
