"""HDF5 data sets in chunks: as the library reads them, and refused where they are damaged."""

import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.weights.test_hostile_hdf5 import refused
from vitlab.weights import read_tensors

PACKINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "gzip": {"compression": "gzip"},
    "shuffle": {"shuffle": True},
    "checksum": {"fletcher32": True},
    "all": {"compression": "gzip", "compression_opts": 9, "shuffle": True, "fletcher32": True},
}
CHUNKS: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
    ((7,), (3,)),
    ((1,), (1,)),
    ((13, 5), (4, 5)),
    ((13, 5), (13, 2)),
    ((3, 3, 5, 7), (2, 3, 1, 4)),
    ((40, 50), (40, 50)),
]


def read_as_the_library(path: Path) -> None:
    found = read_tensors(path)
    with h5py.File(path) as file:
        assert found.keys() == file.keys()
        for name, array in found.items():
            np.testing.assert_array_equal(array, file[name][()])
            assert array.dtype == file[name].dtype.newbyteorder("=")


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("options", [{}, {"libver": "latest"}, {"userblock_size": 512}], ids=str)
def test_every_type_and_shape_is_read(tmp_path: Path, options: dict[str, Any], packing: str):
    rng = np.random.default_rng(0)
    with h5py.File(tmp_path / "w.h5", "w", **options) as file:
        for dtype in ("<f2", "<f4", "<f8", ">f4", ">f8", "<i4", "<i8"):
            for shape, chunk in CHUNKS:
                values = (100 * rng.normal(size=shape)).astype(dtype)
                file.create_dataset(
                    f"{dtype[1:]} {dtype[0]} {shape} {chunk}",
                    data=values,
                    chunks=chunk,
                    **PACKINGS[packing],
                )
    read_as_the_library(tmp_path / "w.h5")


@pytest.mark.parametrize("libver", ["earliest", "v110", "latest"])
def test_a_data_set_that_may_grow_along_one_axis_or_more(tmp_path: Path, libver: str):
    """HDF5 finds the chunks of each by another index."""
    values = np.random.default_rng(0).normal(size=(9, 300))
    with h5py.File(tmp_path / "w.h5", "w", libver=libver) as file:
        for limits in ((9, 300), (None, 300), (None, None)):
            for packing, options in PACKINGS.items():
                shapes = {"chunks": (4, 7), "maxshape": limits}
                file.create_dataset(f"{limits} {packing}", data=values, **shapes, **options)
    read_as_the_library(tmp_path / "w.h5")


def test_none_at_all_in_a_data_set_that_may_grow(tmp_path: Path):
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file.create_dataset("none", (0, 3), "f4", maxshape=(None, 3))
        file["some"] = np.ones(3)
    read_as_the_library(tmp_path / "w.h5")


@pytest.mark.parametrize("fill", [None, 2.5, np.nan, np.inf])
@pytest.mark.parametrize("packing", PACKINGS)
def test_where_no_chunk_was_written_stands_the_fill_value(tmp_path: Path, packing: str, fill: Any):
    with h5py.File(tmp_path / "w.h5", "w") as file:
        some = file.create_dataset(
            "x", (9, 8), ">f4", chunks=(4, 3), fillvalue=fill, **PACKINGS[packing]
        )
        some[5:7, 4] = [1, 2]
    read_as_the_library(tmp_path / "w.h5")
    assert np.count_nonzero(np.isin(read_tensors(tmp_path / "w.h5")["x"], [1, 2])) == 2


def test_an_integer_beyond_the_exact_floats_fills_exactly(tmp_path: Path):
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file.create_dataset("x", (5,), "i8", chunks=(2,), fillvalue=2**62 + 1)[0] = 7
    assert read_tensors(tmp_path / "w.h5")["x"].tolist() == [7, *[2**62 + 1] * 4]


def test_a_chunk_that_did_without_a_filter_is_read_without_it(tmp_path: Path):
    """The library leaves out compression where it does not shorten a chunk."""
    values = np.arange(8, dtype="<f4")
    shuffled = values[4:].view(np.uint8).reshape(4, 4).T.tobytes()
    with h5py.File(tmp_path / "w.h5", "w") as file:
        x = file.create_dataset("x", (8,), "f4", chunks=(4,), compression="gzip", shuffle=True)
        x.id.write_direct_chunk((0,), zlib.compress(values[:4].tobytes()), filter_mask=0b01)
        x.id.write_direct_chunk((4,), shuffled, filter_mask=0b10)
    read_as_the_library(tmp_path / "w.h5")
    np.testing.assert_array_equal(read_tensors(tmp_path / "w.h5")["x"], values)


def test_a_checksum_over_many_blocks_and_an_odd_number_of_bytes(tmp_path: Path):
    """The sums of the first wrap many times; of bytes that compress, some are odd in number."""
    rng = np.random.default_rng(0)
    with h5py.File(tmp_path / "w.h5", "w") as file:
        large = np.full(300_001, -1, "<i4")  # words of 65535, at which the sums are ambiguous
        file.create_dataset("ones", data=large, chunks=large.shape, fletcher32=True)
        file.create_dataset("zeros", data=0 * large, chunks=large.shape, fletcher32=True)
        for index in range(20):
            small = rng.integers(0, 9, size=50 + index).astype("f4")
            file.create_dataset(f"{index}", data=small, chunks=small.shape, **PACKINGS["all"])
    read_as_the_library(tmp_path / "w.h5")


def packed(path: Path, packing: str) -> int:
    """Writes a data set of one chunk, and says at which byte the chunk starts."""
    values = np.random.default_rng(0).normal(size=1000)
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=values, chunks=(1000,), **PACKINGS[packing])
        return file["x"].id.get_chunk_info(0).byte_offset


@pytest.mark.parametrize(
    ("packing", "message"),
    [("gzip", "cannot be unpacked"), ("checksum", "has a wrong checksum")],
)
def test_a_flipped_bit_is_seen(tmp_path: Path, packing: str, message: str):
    place = packed(tmp_path / "w.h5", packing)
    content = bytearray((tmp_path / "w.h5").read_bytes())
    content[place + 100] ^= 1
    (tmp_path / "w.h5").write_bytes(content)
    assert message in refused(tmp_path / "w.h5")


def test_a_chunk_that_the_file_does_not_have_is_refused(tmp_path: Path):
    place = packed(tmp_path / "w.h5", "gzip")
    whole = (tmp_path / "w.h5").read_bytes()
    directory = whole.index((place).to_bytes(8, "little"))
    for elsewhere in (len(whole) - 5, 2**40, 2**63):
        content = bytearray(whole)
        content[directory : directory + 8] = elsewhere.to_bytes(8, "little")
        (tmp_path / "w.h5").write_bytes(content)
        assert "x of 8000 bytes reaches out of the file" in refused(tmp_path / "w.h5")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (zlib.compress(bytes(10**8)), "is cut short, or unpacks to more than it should"),
        (zlib.compress(bytes(4000))[:-9], "is cut short"),
        (zlib.compress(bytes(3999)), "has 3999 bytes, and should have 4000"),
        (zlib.compress(bytes(4001)), "has 4001 bytes, and should have 4000"),
        (b"rubbish", "cannot be unpacked"),
    ],
    ids=["bomb", "cut", "short", "long", "rubbish"],
)
def test_a_chunk_unpacks_to_its_size_or_not_at_all(tmp_path: Path, content: bytes, message: str):
    """The first would take 100 MB."""
    with h5py.File(tmp_path / "w.h5", "w") as file:
        x = file.create_dataset("x", (1000,), "f4", chunks=(1000,), compression="gzip")
        x.id.write_direct_chunk((0,), content)
    tracemalloc.start()
    assert f"x, in its chunk at [0], {message}" in refused(tmp_path / "w.h5")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10**7


def test_a_chunk_far_larger_than_its_data_set_is_refused(tmp_path: Path):
    with h5py.File(tmp_path / "w.h5", "w") as file:
        x = file.create_dataset("x", (3,), "f4", chunks=(10**9,), maxshape=(None,), compression="gzip")
        x.id.write_direct_chunk((0,), zlib.compress(bytes(4 * 10**6)))
    assert "would unpack to 4000000000" in refused(tmp_path / "w.h5")


def test_a_listing_longer_than_any_networks_is_refused(tmp_path: Path):
    """Every data set's path repeats the long name of its group."""
    with h5py.File(tmp_path / "w.h5", "w") as file:
        group = file.create_group("g" * 990)
        for index in range(17_000):
            group.create_dataset(str(index), (0,), "f4")
    assert "letters to say what is in it" in refused(tmp_path / "w.h5")
