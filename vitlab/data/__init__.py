"""From files to batches: sources, decoding, the split, the store, the sampler, augmentation."""

from vitlab.data.augmentation import augment
from vitlab.data.collection import Collection, align, open_collection
from vitlab.data.decode import DecodeError
from vitlab.data.feeding import check_batch_size, feed, map_store
from vitlab.data.packs import clear_pixels
from vitlab.data.resident import ResidentStore, on_devices
from vitlab.data.sampler import Sampler
from vitlab.data.splits import PARTS, Split, read_split, stratified, write_split
from vitlab.data.stores import Store
from vitlab.data.table import Table

__all__ = [
    "PARTS",
    "Collection",
    "DecodeError",
    "ResidentStore",
    "Sampler",
    "Split",
    "Store",
    "Table",
    "align",
    "augment",
    "check_batch_size",
    "clear_pixels",
    "feed",
    "map_store",
    "on_devices",
    "open_collection",
    "read_split",
    "stratified",
    "write_split",
]
