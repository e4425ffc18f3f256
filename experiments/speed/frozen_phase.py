"""50 epochs of a head on a frozen ViT-B/32, against a plain PyTorch loop.

Ours is `python -m vitlab.main` from an empty cache: until the head is trained, which is all that theirs
does, and until the report on the test part is there. Theirs: frozen backbone, a linear head, Adam at
1e-3, batches of 32, `DataLoader` with two workers, validation after each epoch. PyTorch's time is that
of its start and of some epochs, all alike, times 50 over their number; its accuracy is that of the same
head trained for 50 epochs on the embeddings that PyTorch's backbone gives.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from experiments.speed.product_runs import BATCH, PRODUCTS, SIZE, random_weights, run, their_network

EPOCHS = 50


def measured(folder: Path, their_epochs: int) -> Iterator[tuple[str, ...]]:
    weights, workdir = random_weights(folder), folder / "frozen"
    phase = [f"--config.phases.head.epochs={EPOCHS}", "--config.phases.head.patience=0"]
    with tempfile.TemporaryDirectory() as cache:
        trained, ended = run(
            "configs/head.py:vit_b32",
            weights,
            workdir,
            Path(cache),
            *phase,
            until="the weights of epoch",
        )
    lines = [json.loads(line) for line in (workdir / "log.jsonl").read_text().splitlines()]
    accuracy = max(line["val"]["accuracy"] for line in lines)
    module = [sys.executable, "-m", "experiments.speed.frozen_phase"]
    started = time.monotonic()
    done = subprocess.run(
        [*module, str(workdir / "split.csv"), str(their_epochs)],
        check=True,
        capture_output=True,
        text=True,
    )
    theirs = json.loads(done.stdout.splitlines()[-1])
    took = time.monotonic() - started - theirs["checking"]
    whole = took + (EPOCHS - their_epochs) * theirs["epoch"]
    for what, ours in ((f"{EPOCHS} epochs", trained), ("the same, test part and report with it", ended)):
        yield (
            f"head of ViT-B/32, {what}",
            f"{ours:.1f} s, validation accuracy {accuracy:.3f}",
            f"{whole:.0f} s, {theirs['accuracy']:.3f}",
            f"{whole / ours:.1f}",
            "40",
        )


def their_head(split: Path, epochs: int) -> dict[str, float]:
    """Seconds an epoch, the validation accuracy after EPOCHS epochs, and the seconds to find that."""
    import torch
    from torch.utils.data import DataLoader

    network = their_network()
    network.load_state_dict(torch.load(split.parent.parent / "weights.pth", weights_only=True))
    network.eval().requires_grad_(False)
    parts = {name: _Images(split, name) for name in ("train", "val")}
    loaders = {
        name: DataLoader(
            images,
            BATCH,
            shuffle=name == "train",
            num_workers=2,
            multiprocessing_context="spawn",
            persistent_workers=True,
        )
        for name, images in parts.items()
    }

    def embed(images: Any) -> Any:
        with torch.no_grad():
            return network.vit(images).last_hidden_state[:, 0]

    head, learn = _learner(len(parts["train"].names))
    started = time.monotonic()
    for _ in range(epochs):
        for images, labels in loaders["train"]:
            learn(embed(images), labels)
        for images, _ in loaders["val"]:
            head(embed(images))
    epoch = (time.monotonic() - started) / epochs

    started = time.monotonic()
    kept = {
        name: [torch.cat(column) for column in zip(*[(embed(x), y) for x, y in loader], strict=True)]
        for name, loader in loaders.items()
    }
    head, learn = _learner(len(parts["train"].names))
    best = 0.0
    for _ in range(EPOCHS):
        embeddings, labels = kept["train"]
        for rows in torch.randperm(len(labels)).split(BATCH):
            learn(embeddings[rows], labels[rows])
        embeddings, labels = kept["val"]
        best = max(best, float((head(embeddings).argmax(1) == labels).float().mean()))
    return {"epoch": epoch, "accuracy": best, "checking": time.monotonic() - started}


def _learner(classes: int) -> tuple[Any, Callable[[Any, Any], None]]:
    import torch

    head = torch.nn.Linear(768, classes)
    torch.nn.init.zeros_(head.weight)
    optimizer = torch.optim.Adam(head.parameters(), 1e-3)

    def learn(embeddings: Any, labels: Any) -> None:
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(head(embeddings), labels).backward()
        optimizer.step()

    return head, learn


class _Images:
    """As torchvision's datasets and transforms do it: decoded and resized when asked for."""

    def __init__(self, split: Path, part: str):
        from vitlab.data import read_split

        found = read_split(split)
        rows = found.rows(part)
        self.names = found.table.class_names
        self.paths = [PRODUCTS / "Images" / found.table.paths[row] for row in rows]
        self.labels = [int(found.table.labels[row]) for row in rows]

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        import torch
        from PIL import Image

        image = Image.open(self.paths[index]).convert("RGB")
        pixels = np.asarray(image.resize((SIZE, SIZE), Image.Resampling.BICUBIC))
        tensor = torch.from_numpy(pixels.copy()).permute(2, 0, 1).float()
        return tensor.div(127.5).sub(1), self.labels[index]


if __name__ == "__main__":
    print(json.dumps(their_head(Path(sys.argv[1]), int(sys.argv[2]))))
