"""What the tests share: checked shapes, an own cache, small folders of images, the real assets."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import jax
import numpy as np
import pytest
from jaxtyping import install_import_hook
from PIL import Image

SHAPED = ["vitlab.models", "vitlab.data.augmentation", "vitlab.training.step"]
install_import_hook(SHAPED, "beartype.beartype")

# Programs that run for a moment, here and in the commands that tests start, compile in half the time so.
# What shows that networks are exact, and what trains on real images, is compiled as users have it.
UNOPTIMISED = "jax_disable_most_optimizations"
jax.config.update(UNOPTIMISED, True)
os.environ[UNOPTIMISED.upper()] = "1"

# As runtime.start does: modules of tests that make arrays start JAX before any fixture runs.
jax.config.update("jax_cpu_enable_async_dispatch", False)

ROOT = Path(__file__).parent.parent
ASSETS = Path(os.environ.get("VITLAB_ASSETS", ROOT.parent / "shared"))


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nothing that an earlier run has decoded or compiled can hide a mistake; what one test has compiled
    spares the others a third of their time, in every process, as users have it."""
    cache, base = tmp_path_factory.mktemp("cache"), tmp_path_factory.getbasetemp()
    programs = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "programs"
    programs.mkdir(exist_ok=True)
    (cache / "compiled").symlink_to(programs)
    os.environ["VITLAB_CACHE"] = str(cache)
    jax.config.update("jax_compilation_cache_dir", str(programs))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)


@pytest.fixture
def compiled_as_users_have_it(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Here, and in the commands that the test starts: nothing that is compiled already is taken."""
    monkeypatch.delenv(UNOPTIMISED.upper())
    jax.config.update(UNOPTIMISED, False)
    jax.clear_caches()
    yield
    jax.config.update(UNOPTIMISED, True)
    jax.clear_caches()


@pytest.fixture(scope="session")
def assets() -> Path:
    """The folder of real images and weights; the test is skipped, and says so, where there is none."""
    if not (ASSETS / "weights").is_dir():
        pytest.skip(f"{ASSETS} is missing (set VITLAB_ASSETS)")
    return ASSETS


def vitlab(command: str, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """`python -m vitlab.<command>` as a user runs it, from the root of the repository."""
    return subprocess.run(
        [sys.executable, "-m", f"vitlab.{command}", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


@pytest.fixture
def without_jax(tmp_path: Path) -> dict[str, str]:
    """An environment in which importing JAX is an error."""
    (tmp_path / "poison").mkdir()
    (tmp_path / "poison" / "jax.py").write_text("raise SystemExit('JAX was imported')")
    return {"PYTHONPATH": str(tmp_path / "poison")}


@pytest.fixture
def image_folder(tmp_path: Path) -> Callable[..., Path]:
    """Makes a folder of class folders; each image is noise around the colour of its class."""

    def make(counts: dict[str, int], name: str = "images", size: int = 12) -> Path:
        folder = tmp_path / name
        generator = np.random.default_rng(0)
        for label, (class_name, count) in enumerate(counts.items()):
            (folder / class_name).mkdir(parents=True)
            colour = np.array([(label * 97) % 256, (label * 57 + 80) % 256, 128])
            for index in range(count):
                noise = generator.integers(-20, 20, (size, size, 3))
                pixels = np.clip(colour + noise, 0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(folder / class_name / f"{index:03d}.png")
        return folder

    return make


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a short finished run on digits, with the phases `head` and `all`."""
    workdir = tmp_path_factory.mktemp("runs") / "small"
    result = vitlab(
        "main",
        "--config=tests/configs/small.py",
        f"--workdir={workdir}",
    )
    assert result.returncode == 0, result.stderr
    return workdir
