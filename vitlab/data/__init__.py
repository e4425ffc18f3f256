"""From files to batches: sources, decoding, the split, the store, the sampler, augmentation."""

from vitlab.data.augmentation import Mixture, augment, augment_each, mix
from vitlab.data.bundles import bundles_of
from vitlab.data.collection import Collection, align, open_collection
from vitlab.data.dealing import draw_split
from vitlab.data.decode import DecodeError
from vitlab.data.feeding import GlobalBatch, check_batch_size, feed, map_store
from vitlab.data.grouping import Groups
from vitlab.data.identity import short_ids
from vitlab.data.inspection import (
    NEAR,
    Action,
    Copies,
    Examined,
    Flaw,
    Inspection,
    NearCopies,
    Pair,
    class_folders,
    inspect_source,
    near_copies,
    pretraining_signs,
    signs_again,
    to_json,
    write_clean_copy,
)
from vitlab.data.packs import clear_pixels
from vitlab.data.resident import ResidentStore, on_devices
from vitlab.data.sampler import Sampler
from vitlab.data.sources import Source, open_source
from vitlab.data.splits import Split, read_split, write_split
from vitlab.data.stores import Store
from vitlab.data.table import HARD, PARTS, PRIVATE, REPUBLISH, Table

__all__ = [
    "HARD",
    "NEAR",
    "PARTS",
    "PRIVATE",
    "REPUBLISH",
    "Action",
    "Collection",
    "Copies",
    "DecodeError",
    "Examined",
    "Flaw",
    "GlobalBatch",
    "Groups",
    "Inspection",
    "Mixture",
    "NearCopies",
    "Pair",
    "ResidentStore",
    "Sampler",
    "Source",
    "Split",
    "Store",
    "Table",
    "align",
    "augment",
    "augment_each",
    "bundles_of",
    "check_batch_size",
    "class_folders",
    "clear_pixels",
    "draw_split",
    "feed",
    "inspect_source",
    "map_store",
    "mix",
    "near_copies",
    "on_devices",
    "open_collection",
    "open_source",
    "pretraining_signs",
    "read_split",
    "short_ids",
    "signs_again",
    "to_json",
    "write_clean_copy",
    "write_split",
]
