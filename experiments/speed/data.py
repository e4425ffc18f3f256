"""Decoding, feeding and opening against PyTorch's DataLoader on this machine.

    pip install -e .[parity]
    python -m experiments.speed.data [--images=FOLDER] [--rounds=3]

FOLDER holds photographs as JPEG (default: `photos_full` in $VITLAB_ASSETS). PyTorch's DataLoader decodes
with Pillow in two worker processes, which run already when a turn begins, squashes to 224 and makes
tensors; in later epochs it decodes again, and augments image by image as torchvision does (flip,
rotation, shift, zoom, brightness: S0-09), while vitlab reads its cache and augments batches. The rivals
take turns on the same images, and a figure is the best turn's. The wait for data is what a loop that
trains MobileNetV2 spends until it has each batch of a store on the device, beside what it spends in all.
"""

import contextlib
import itertools
import math
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from absl import flags
from PIL import Image, ImageEnhance, ImageOps

from vitlab import command, runtime
from vitlab.errors import InputError

SIZE, BATCH, WORKERS = 224, 32, 2
COPIES = 4  # of each photograph, under as many ids
SMALL_FILES = 100_000
HOST_IMAGES = 20_000
STEPS = 8

_IMAGES = flags.DEFINE_string(
    "images", os.path.join(os.environ.get("VITLAB_ASSETS", "../shared"), "data/photos_full"), "JPEGs."
)
_ROUNDS = flags.DEFINE_integer("rounds", 3, "Turns of each rival.", lower_bound=1)


def main() -> None:
    photographs = sorted(Path(_IMAGES.value).glob("*.jpg"))
    if len(photographs) < BATCH:
        raise InputError(f"{_IMAGES.value} holds fewer than {BATCH} JPEGs (--images)")
    print(f"{os.cpu_count()} cores")
    print("| work | vitlab | PyTorch | ratio | at least |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as place:
        os.environ["VITLAB_CACHE"] = os.path.join(place, "cache")
        runtime.start()
        folder = Path(place, "images")
        _copies(photographs, folder)
        _print(_against_pytorch(folder))
        _print(_wait_for_data(folder))
        _print(_opening(Path(place, "small")))
        _print(_memory(Path(place, "host")))


def _print(rows: Iterator[tuple[str, ...]]) -> None:
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        ready = list(rows)
    for row in ready:
        print("| " + " | ".join(row) + " |", flush=True)


def _copies(photographs: list[Path], folder: Path) -> None:
    """Class folders of photographs, each several times with other bytes at its end: other ids."""
    for copy, photograph in itertools.product(range(COPIES), photographs):
        name = folder / f"class{copy % 2}"
        name.mkdir(parents=True, exist_ok=True)
        (name / f"{copy}-{photograph.name}").write_bytes(photograph.read_bytes() + bytes([copy]))


# ------------------------------------------------------------------------------ against PyTorch


def _against_pytorch(folder: Path) -> Iterator[tuple[str, ...]]:
    files = sorted(folder.rglob("*.jpg"))
    first = _rates(
        len(files),
        {
            "fast": lambda: _first_pass(folder, "fast"),
            "exact": lambda: _first_pass(folder, "exact"),
            "theirs": _their_pass(files, augmented=False),
        },
    )
    for how in ("fast", "exact"):
        wanted = "2.0" if how == "fast" else ""
        yield _row(f"first pass, decode={how}, images/s", first[how], first["theirs"], wanted)
    epoch = _our_epoch(folder)
    epoch()  # compiles
    later = _rates(len(files), {"ours": epoch, "theirs": _their_pass(files, augmented=True)})
    yield _row("later epochs, augmented, images/s", later["ours"], later["theirs"], "5")


def _row(work: str, ours: float, theirs: float, wanted: str) -> tuple[str, ...]:
    return work, f"{ours:.0f}", f"{theirs:.0f}", f"{ours / theirs:.2f}", wanted


def _rates(count: int, rivals: dict[str, Callable[[], None]]) -> dict[str, float]:
    """Images a second of each in its best turn."""
    seconds: dict[str, list[float]] = {name: [] for name in rivals}
    for _ in range(_ROUNDS.value):
        for name, work in rivals.items():
            seconds[name].append(_seconds(work))
    return {name: count / min(turns) for name, turns in seconds.items()}


def _seconds(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _open(folder: Path, how: str = "exact") -> Any:
    from vitlab import config
    from vitlab.data import open_collection
    from vitlab.weights import Preprocessing

    preprocessing = Preprocessing(size=SIZE, interpolation="bilinear", crop=1.0, crop_first=False)
    settings = config.Dataset(path=str(folder), decode=how)  # type: ignore[arg-type]
    return open_collection(settings, preprocessing, "squash")


def _first_pass(folder: Path, how: str) -> None:
    from vitlab.data import clear_pixels

    clear_pixels()
    _open(folder, how)


def _our_epoch(folder: Path) -> Callable[[], None]:
    import jax

    from vitlab.augmentation_settings import Augmentation
    from vitlab.data import Sampler, augment, feed

    collection = _open(folder)
    store, mesh = collection.store(np.arange(len(collection.table))), runtime.device_mesh()
    settings = Augmentation(flip=True, rotation=45.0, shift=0.2, zoom=0.25, brightness=0.5)
    changed = jax.jit(lambda images, key: augment(images, key, settings))
    sampler = Sampler(len(store), BATCH, 0)

    def epoch() -> None:
        for batch in feed(store, sampler, mesh):
            jax.block_until_ready(changed(batch.inputs, jax.random.key(0)))

    return epoch


class TheirImages:
    """As torchvision's datasets and transforms do it: decoded when asked for, changed one by one."""

    def __init__(self, files: list[Path], augmented: bool):
        self.files, self.augmented = files, augmented

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Any:
        import torch

        image = Image.open(self.files[index]).convert("RGB")
        image = image.resize((SIZE, SIZE), Image.Resampling.BILINEAR)
        if self.augmented:
            image = _changed(image)
        return torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous().float().div(255)


def _changed(image: Image.Image) -> Image.Image:
    """Flip, one affine map (as `RandomAffine`), brightness (as `ColorJitter`)."""
    if random.random() < 0.5:
        image = ImageOps.mirror(image)
    angle, scale = math.radians(random.uniform(-45, 45)), random.uniform(0.75, 1.25)
    cosine, sine = math.cos(angle) / scale, math.sin(angle) / scale
    right, down = (random.uniform(-0.2, 0.2) * SIZE + SIZE / 2 for _ in range(2))
    matrix = (
        *(cosine, sine, SIZE / 2 - cosine * right - sine * down),
        *(-sine, cosine, SIZE / 2 + sine * right - cosine * down),
    )
    image = image.transform(image.size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
    return ImageEnhance.Brightness(image).enhance(random.uniform(0.5, 1.5))


def _their_pass(files: list[Path], augmented: bool) -> Callable[[], None]:
    from torch.utils.data import DataLoader

    images: Any = TheirImages(files, augmented)
    loader = DataLoader(
        images,
        BATCH,
        shuffle=True,
        num_workers=WORKERS,
        multiprocessing_context="spawn",
        persistent_workers=True,
    )

    def epoch() -> None:
        for _ in loader:
            pass

    epoch()  # starts the workers
    return epoch


# ------------------------------------------------------------------------------ the other lines


def _wait_for_data(folder: Path) -> Iterator[tuple[str, ...]]:
    import jax
    import optax

    from vitlab.data import ResidentStore, Sampler, feed
    from vitlab.models import create, initialise
    from vitlab.training import first_state, make_train_step

    collection, mesh = _open(folder), runtime.device_mesh()
    store = ResidentStore(collection.store(np.arange(STEPS * BATCH)), mesh)
    network, parameters, statistics = initialise(lambda: create("mobilenet_v2", num_classes=2), {})

    def forward(parameters, statistics, images, key):
        return network.train(parameters, statistics, images, moves=True, dropout=None)

    optimizer = optax.adam(1e-4)
    step = make_train_step(network, forward, optimizer, jax.random.key(0))
    state = first_state(parameters, statistics, optimizer)
    frozen: dict[str, dict] = {"parameters": {}, "statistics": {}}
    shares = []
    for epoch in range(1 + _ROUNDS.value):  # the first one compiles
        batches, waited = feed(store, Sampler(len(store), BATCH, 0), mesh, epoch), 0.0
        started = time.perf_counter()
        for _ in range(STEPS):
            asked = time.perf_counter()
            batch = next(batches)
            jax.block_until_ready(batch.inputs)
            waited += time.perf_counter() - asked
            state, _ = step(state, frozen, batch.inputs, batch.labels, batch.weights)
            jax.block_until_ready(state)
        shares.append(waited / (time.perf_counter() - started))
    yield "wait for data, of a step of MobileNetV2", f"{min(shares[1:]):.2%}", "", "", "under 2 %"


def _opening(folder: Path) -> Iterator[tuple[str, ...]]:
    from vitlab import config
    from vitlab.data.sources import open_source

    for index in range(SMALL_FILES):
        if index % 1000 == 0:
            (folder / f"class{index // 1000}").mkdir(parents=True)
        (folder / f"class{index // 1000}" / f"{index:06d}.png").write_bytes(b"%d," % index * 200)
    settings = config.Dataset(path=str(folder))
    first = _seconds(lambda: open_source(settings))
    yield f"{SMALL_FILES:,} small files, first time", f"{first:.1f} s", "", "", ""
    seconds = min(_seconds(lambda: open_source(settings)) for _ in range(_ROUNDS.value))
    before = _resident()
    source = open_source(settings)
    memory = (_resident() - before) / len(source.table)
    yield f"{SMALL_FILES:,} small files, seen before", f"{seconds:.1f} s", "", "", "under 10 s"
    yield "its memory", f"{memory:.0f} bytes a file", "", "", "under 1 KB"


def _memory(folder: Path) -> Iterator[tuple[str, ...]]:
    """Of the whole process, JAX and PyTorch included, is no measure: what the store adds is."""
    from vitlab.data.packs import Outcome, PackedPixels, open_packs, write_pack

    blank = np.zeros((SIZE, SIZE, 3), np.uint8)
    ids = [f"{index:064x}" for index in range(HOST_IMAGES)]
    for first in range(0, HOST_IMAGES, 800):
        some = ids[first : first + 800]
        write_pack(folder, some, (Outcome(blank) for _ in some))
    before = _resident()
    pixels = PackedPixels(open_packs(folder, ids, SIZE), ids, SIZE)
    for first in range(0, HOST_IMAGES, BATCH):
        pixels[np.arange(first, min(first + BATCH, HOST_IMAGES))]
    added = (_resident() - before) / 1e6
    yield f"memory of {HOST_IMAGES:,} images", f"{added:.0f} MB", "", "", "under 500 MB"


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    command.run(main)
