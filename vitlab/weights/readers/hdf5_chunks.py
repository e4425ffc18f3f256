"""HDF5 data sets in chunks of one shape, each packed on its own: by gzip, or with bytes shuffled.

https://support.hdfgroup.org/documentation/hdf5/latest/_s_p_e_c.html gives the format. The library would
unpack a chunk to whatever its bytes unpack to; here none becomes larger than it should.
"""

import zlib
from dataclasses import dataclass
from math import prod
from typing import IO

import numpy as np

from vitlab.weights.readers.arrays import Refused, aligned, check_shape, native

_CHECKSUM = 4  # bytes
_BLOCK = 2**16


@dataclass(frozen=True)
class Chunks:
    """Where a data set lies.

    Attributes:
        shape: of each chunk; those at the edges reach out of the data set.
        filters: of "shuffle", "deflate" and "fletcher32", in the order in which they were applied.
        fill: the number where no chunk was written.
        pieces: of each chunk the index of its first number, its offset and length in bytes, and the
            filters (a bit for each) that it did without.
    """

    shape: list[int]
    filters: list[str]
    fill: float
    pieces: list[tuple[list[int], int, int, int]]

    def unpacked(self, dtype: str) -> int:
        """Bytes of one chunk."""
        return prod(self.shape) * np.dtype(dtype).itemsize


def read_chunks(file: IO[bytes], name: str, dtype: str, shape: list[int], chunks: Chunks) -> np.ndarray:
    """The array that its caller has found to be of a size that the file may have.

    Raises:
        Refused: a chunk does not unpack to what it should be, or lies outside.
    """
    check_shape(name, shape)
    if len(chunks.shape) != len(shape):
        raise Refused(f"{name} of shape {shape} has chunks of shape {chunks.shape}")
    array = aligned(shape, np.dtype(dtype))
    array[...] = chunks.fill
    for first, place, length, skipped in chunks.pieces:
        where = f"{name}, in its chunk at {first},"
        if any(start >= end for start, end in zip(first, shape, strict=True)):
            raise Refused(f"{where} lies outside of its shape {shape}")
        file.seek(place)
        content = file.read(length)
        for index, packing in reversed(list(enumerate(chunks.filters))):
            if not skipped >> index & 1:
                content = _undone(packing, content, chunks.unpacked(dtype), array.itemsize, where)
        if len(content) != chunks.unpacked(dtype):
            raise Refused(f"{where} has {len(content)} bytes, and should have {chunks.unpacked(dtype)}")
        chunk = np.frombuffer(content, dtype).reshape(chunks.shape)
        target = array[tuple(slice(start, None) for start in first)]
        part = tuple(slice(min(lengths)) for lengths in zip(target.shape, chunk.shape, strict=True))
        target[part] = chunk[part]
    return native(array)


def _undone(packing: str, content: bytes, unpacked: int, itemsize: int, where: str) -> bytes:
    if packing == "deflate":
        return _inflated(content, unpacked + _CHECKSUM, where)
    if packing == "shuffle":
        return _in_order(content, itemsize)
    return _verified(content, where)


def _inflated(content: bytes, longest: int, where: str) -> bytes:
    stream = zlib.decompressobj()
    try:
        unpacked = stream.decompress(content, longest + 1)
    except zlib.error as error:
        raise Refused(f"{where} cannot be unpacked: {error}") from error
    if not stream.eof:
        raise Refused(f"{where} is cut short, or unpacks to more than it should")
    return unpacked


def _in_order(content: bytes, itemsize: int) -> bytes:
    """All first bytes of the numbers came first, then all second ones; what is left over is last."""
    whole = len(content) // itemsize * itemsize
    bytewise = np.frombuffer(content[:whole], np.uint8).reshape(itemsize, -1)
    return bytewise.T.tobytes() + content[whole:]


def _verified(content: bytes, where: str) -> bytes:
    """Without the checksum at its end."""
    content, checksum = content[:-_CHECKSUM], content[-_CHECKSUM:]
    if _fletcher32(content).to_bytes(_CHECKSUM, "little") != checksum:
        raise Refused(f"{where} has a wrong checksum: the file is damaged")
    return content


def _fletcher32(content: bytes) -> int:
    """Of big-endian words of 16 bits (Fletcher 1982), as HDF5's library computes it."""
    words = np.frombuffer(content + bytes(len(content) % 2), ">u2")
    first = second = 0
    for start in range(0, words.size, _BLOCK):
        block = words[start : start + _BLOCK].astype(np.uint64)
        second += block.size * first + int(block @ np.arange(block.size, 0, -1, dtype=np.uint64))
        first += int(block.sum())
    # Modulo 65535, but 65535 stays what it is.
    return _folded(second) << 16 | _folded(first)


def _folded(total: int) -> int:
    return (total - 1) % 65535 + 1 if total else 0
