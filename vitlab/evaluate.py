"""Evaluates a trained model again, or on other images of the same classes.

    python -m vitlab.evaluate --workdir=DIR [--phase=NAME] [--data=FOLDER|CSV|tfds:NAME]
        [--images=FOLDER] [--calibrated]

Without --data, the test part is answered again from the saved weights, and the figures are held against
those that training wrote. With --data, it is other images of the same classes: a folder with one folder
per class, or a table with the columns of the run's own, whose images are in the folder of --images, as
seen from the table (not given: where the run's own has them); predictions and metrics are kept in
DIR/evaluations. The whole network sees every image anew: it costs a pass over them, as long as training
needed to evaluate that part, even where the head was trained on embeddings that are kept. Decoded images
alone come from the cache, where it has them. --calibrated divides all logits by the temperature that
suits the run's validation part best (Guo et al. 2017), and tells what that changes: no answer, but the
probabilities, and with them loss, Brier score and calibration error. What it gives is kept there too.
"""

import os
from pathlib import Path

from absl import flags

from vitlab import command, place
from vitlab.errors import InputError
from vitlab.run_directory import RunDirectory

_WORKDIR = flags.DEFINE_string("workdir", None, "The directory of a finished run.")
_PHASE = flags.DEFINE_string("phase", None, "Whose best model; the last phase's if not given.")
_DATA = flags.DEFINE_string("data", None, "Other images; the test part if not given.")
_IMAGES = flags.DEFINE_string("images", None, "The folder of a table's images, as seen from the table.")
_CALIBRATED = flags.DEFINE_bool(
    "calibrated", False, "Divide the logits by the temperature fitted on the run's validation part."
)


def main() -> None:
    if not _WORKDIR.value:
        raise InputError("give the directory of a run with --workdir=DIR")
    if _DATA.value is not None:
        place.check_place(_DATA.value, "--data")
    if _IMAGES.value is not None and (_DATA.value is None or os.path.isdir(_DATA.value)):
        raise InputError("--images is the folder of the images that --data=CSV names; give that too")
    run = RunDirectory(Path(_WORKDIR.value))
    config = run.open_finished()
    phase = _PHASE.value or list(config.phases)[-1]
    if phase not in config.phases:
        raise InputError(f"the run has no phase {phase!r} (--phase); it has {', '.join(config.phases)}")

    from vitlab import runtime

    runtime.start()
    from vitlab.evaluation_job import evaluate_elsewhere, evaluate_test_part

    if _DATA.value is None:
        evaluate_test_part(run, config, phase, calibrated=_CALIBRATED.value)
    else:
        evaluate_elsewhere(run, config, phase, _DATA.value, _IMAGES.value, calibrated=_CALIBRATED.value)


if __name__ == "__main__":
    command.run(main)
