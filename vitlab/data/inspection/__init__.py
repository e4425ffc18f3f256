"""What is wrong with a collection, before anyone trains on it; and a copy without it."""

from vitlab.data.inspection.cleaning import Action, class_folders, write_clean_copy
from vitlab.data.inspection.copies import NEAR, Copies
from vitlab.data.inspection.examined import Examined
from vitlab.data.inspection.flaws import Flaw
from vitlab.data.inspection.inspection import Inspection, inspect_source, to_json
from vitlab.data.inspection.lookalikes import NearCopies, near_copies
from vitlab.data.inspection.near import Pair
from vitlab.data.inspection.pretraining import pretraining_signs, signs_again

__all__ = [
    "NEAR",
    "Action",
    "Copies",
    "Examined",
    "Flaw",
    "Inspection",
    "NearCopies",
    "Pair",
    "class_folders",
    "inspect_source",
    "near_copies",
    "pretraining_signs",
    "signs_again",
    "to_json",
    "write_clean_copy",
]
