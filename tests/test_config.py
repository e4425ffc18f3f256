"""A config is checked whole before anything runs."""

import dataclasses
import json

import pytest
from ml_collections import ConfigDict

from configs import cnn, digits, head, transfer, unfreeze, whole
from vitlab.augmentation_settings import OPERATIONS, Augmentation
from vitlab.config import Config, defaults, differences, from_json, phase, resolve, to_json
from vitlab.errors import InputError
from vitlab.models import PRESETS


def one_phase(**settings: object) -> dict:
    return {"phases": {"a": {"epochs": 1, **settings}}}


@pytest.mark.parametrize("file", [digits, head, transfer, unfreeze, whole])
def test_the_shipped_configs_are_sound_and_survive_json(file):
    config = resolve(file.get_config())
    assert config.model.name in PRESETS
    assert from_json(json.loads(json.dumps(to_json(config)))) == config


def test_transfer_is_the_schedule_of_the_study():
    """Rows S0-09, S0-15 and S0-16."""
    config = resolve(transfer.get_config("mobilenet_v2"))
    first, second = config.phases.values()
    assert list(config.phases) == ["head", "finetune"]
    assert (first.trainable, first.optimizer, first.learning_rate) == (("head/.*",), "adam", 1e-3)
    assert (first.epochs, first.patience) == (50, 20)
    assert (second.trainable, second.optimizer, second.learning_rate) == ((".*",), "adam", 1e-5)
    assert (second.epochs, second.total_epochs, second.patience) == (0, 100, 20)
    assert second.augmentation == Augmentation(
        flip=True, rotation=45.0, shift=0.2, zoom=0.25, brightness=0.5
    )


def test_whole_is_the_schedule_of_the_study():
    """Rows S2-11 and S2-15."""
    config = resolve(whole.get_config())
    (only,) = config.phases.values()
    assert (config.model.name, only.optimizer, only.learning_rate) == ("resnet101_v2", "adam", 1e-4)
    assert (only.monitor, only.min_delta, only.patience) == ("loss", 1e-2, 2)
    assert only.trainable == (".*",)


def test_cnn_c_trains_as_in_the_study():
    """Row S2-27: L2 on kernels alone; 0.1 of a turn is 36 degrees."""
    (only,) = resolve(cnn.get_config("cnn_c")).phases.values()
    assert only.augmentation == Augmentation(flip=True, rotation=36.0, zoom=0.1, padding="reflect")
    assert (only.weight_decay, only.decays) == (0.02, ((".*/(bias|scale)", 0.0),))
    assert resolve(cnn.get_config("cnn_b")).phases["train"].weight_decay == 0


def test_unfreezing_goes_down_from_the_head():
    phases = resolve(unfreeze.get_config()).phases
    assert [one.last_layers for one in phases.values()] == [0, 2, 4, 8, 0]
    assert phases["head"].trainable == ("head/.*",)
    assert phases["all"].trainable == (".*",)


def test_phases_keep_the_order_of_the_file():
    config = defaults()
    config.model.name = "vit_ti16"
    for name in ("zebra", "apple", "middle"):
        config.phases[name] = phase(epochs=1)
    assert list(resolve(config).phases) == ["zebra", "apple", "middle"]


def test_defaults_hold_every_field_so_that_each_can_be_overridden():
    assert defaults().to_dict() == to_json(Config())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": "1"}, "seed is '1'; it must be of type int"),
        ({"seed": True}, "seed is True; it must be of type int"),
        ({"seed": -1}, "seed is -1; it must be at least 0"),
        ({"model": {"nmae": "x"}}, r"unknown config key 'nmae' \(model\); did you mean name"),
        ({"model": {"name": ""}}, "model.name is empty"),
        ({"model": 3}, "model is 3; it must be a group of settings"),
        ({"phases": {}}, "phases is empty"),
        ({"phases": {"a": {}}}, "phases.a has no end; set phases.a.epochs, phases.a.steps or"),
        ({"phases": {"A b": {"epochs": 1}}}, "phase name 'A b' must be lower-case letters"),
        (
            {"phases": {"a": {"epochs": 1, "trainable": "head"}}},
            "phases.a.trainable is 'head'; it must be a list",
        ),
        (
            {"phases": {"a": {"epochs": 1, "learning_rate": 0.0}}},
            "learning_rate is 0.0; it must be positive",
        ),
        (
            one_phase(schedule="cosin"),
            r"unknown value 'cosin' \(phases.a.schedule\); did you mean cosine",
        ),
        (
            one_phase(optimizer="adamm"),
            r"unknown value 'adamm' \(phases.a.optimizer\); did you mean adam",
        ),
        (
            one_phase(monitor="accuracies"),
            r"unknown value 'accuracies' \(phases.a.monitor\); did you mean accuracy",
        ),
        (
            one_phase(warmup_epoch=3),
            r"unknown config key 'warmup_epoch' \(phases.a\); did you mean warmup_epochs",
        ),
        (one_phase(ema=1.0), r"phases.a.ema is 1; it must be from 0 to 0.99999"),
        (one_phase(clip=float("nan")), r"phases.a.clip is nan; it must be from 0"),
        (
            one_phase(rates=(("head/.*", 0.0),)),
            "phases.a.rates is 0 for 'head.*'; it must be above",
        ),
        (one_phase(rates=(("head/.*", "2"),)), r"phases.a.rates is '2'; it must be of type float"),
        (one_phase(rates=(("head/.*",),)), r"it must have 2 entries"),
        (
            one_phase(decays=((".*", 0.0),)),
            r"phases.a.decays are parts of phases.a.weight_decay, which is 0",
        ),
        (
            one_phase(decays=((".*", -1.0),)),
            r"phases.a.decays is -1 for '\.\*'; it must be from 0 to 1000",
        ),
        (one_phase(layer_decay=1.5), r"phases.a.layer_decay is 1.5; it must be from 0.01 to 1"),
        (one_phase(layer_decays=0.5), r"unknown config key 'layer_decays' \(phases.a\); .* layer_decay"),
        (
            one_phase(last_layer=2),
            r"unknown config key 'last_layer' \(phases.a\); did you mean last_layers",
        ),
        (one_phase(steps=-1), r"phases.a.steps is -1; it must be from 0"),
        (one_phase(warmup_epochs=1, warmup_steps=5), "warmup_epochs and phases.a.warmup_steps only one"),
        (one_phase(accumulate=5), r"phases.a.accumulate is 5; batch_size 32 does not divide into"),
        (one_phase(loss="focal", label_smoothing=0.1), "take one of it and 'focal'"),
        (
            one_phase(class_weights="balanced", sampling="balanced"),
            "class_weights and sampling both balance the classes",
        ),
        (
            one_phase(views=4),
            "phases.a.views is 4, but without phases.a.augmentation all views are the same",
        ),
        (
            one_phase(views=4, augmentation={"flip": True, "cutmix": 1.0}),
            "phases.a.views is 4, but mixup and cutmix mix the images of a batch",
        ),
        (
            {"phases": {"a": {"epochs": 1, "augmentation": {"zoom": 1.0}}}},
            "zoom is 1; it must be from 0 to 0.99",
        ),
        (
            one_phase(augmentation={"rotation": -1.0}),
            "phases.a.augmentation.rotation is -1; it must be from 0 to 180",
        ),
        (one_phase(augmentation={"erase": float("nan")}), "erase is nan; it must be from 0 to 1"),
        (
            one_phase(augmentation={"fill": (0, 0, 256)}),
            r"fill is \(0.0, 0.0, 256.0\); a colour has values",
        ),
        (one_phase(augmentation={"fill": (0, 0)}), r"fill is \(0, 0\); it must have 3 entries"),
        (
            one_phase(augmentation={"padding": "mirror"}),
            r"unknown value 'mirror' \(phases.a.augmentation",
        ),
        (one_phase(augmentation={"policy": "rand"}), "unknown value 'rand'"),
        (
            one_phase(augmentation={"policy_magnitude": 31}),
            "policy_magnitude is 31; it must be from 0 to 30",
        ),
        (
            {**one_phase(augmentation={"mixup": 0.2}), "batch_size": 1},
            "mixes images of a batch, and batch_size is 1; set it to 2 or more",
        ),
        ({"split": {"fractions": (float("nan"), 0.5, 0.5)}}, "must be three positive"),
        ({"split": {"folds": 2}}, r"split\.folds is 2; it must be 3 to 100"),
        ({"split": {"folds": 3, "fold": 3}}, r"split\.fold is 3; it must be 0 to 2"),
        ({"split": {"folds": 3, "file": "x.csv"}}, "only one can be set"),
        ({"split": {"test_then_val": (0.2,)}}, "must be two shares between 0 and 1"),
        ({"dataset": {"device_gib": float("nan")}}, r"dataset\.device_gib is nan"),
        ({"split": {"fractions": (0.5, 0.5)}}, r"split fractions 0\.5 \+ 0\.5 must be three positive"),
        ({"dataset": {"resize": "web"}}, r"unknown value 'web' \(dataset.resize\)"),
    ],
)
def test_what_cannot_be_is_refused(changes: dict, message: str):
    sound = {"model": {"name": "vit_ti16"}, "phases": {"a": {"epochs": 1}}}
    with pytest.raises(InputError, match=message):
        resolve(ConfigDict({**sound, **changes}))


def test_differences_name_the_keys():
    old = to_json(resolve(transfer.get_config()))
    new = json.loads(json.dumps(old))
    new["phases"]["head"]["epochs"] = 7
    new["model"]["options"] = {"pooling": "average"}
    assert differences(json.loads(json.dumps(old)), new) == [
        "model.options.pooling: None, now 'average'",
        "phases.head.epochs: 50, now 7",
    ]
    assert differences(old, old) == []
    turned = {**old, "phases": dict(reversed(old["phases"].items()))}
    assert differences(old, turned) == ["the order of phases"]


def test_a_resolved_config_cannot_be_changed():
    config = resolve(digits.get_config())
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.seed = 3  # type: ignore[misc]


def test_an_augmentation_knows_what_it_does():
    assert not Augmentation(padding="wrap", fill=(1.0, 2.0, 3.0), policy_magnitude=5)
    some = Augmentation(erase=0.1, rotation=5.0, mixup=0.2, padding="reflect")
    assert some.operations() == ("rotation", "erase", "mixup")
    assert some.alone("rotation") == Augmentation(rotation=5.0, padding="reflect")
    assert some.alone("erase") == Augmentation(erase=1.0, padding="reflect")
    assert some.moves_pixels
    assert some.mixes
    assert not some.alone("erase").moves_pixels
    assert not some.alone("erase").mixes


def test_every_operation_of_an_augmentation_is_in_one_list():
    options = {"crop_aspect", "padding", "fill", "policy_operations", "policy_magnitude"}
    assert {field.name for field in dataclasses.fields(Augmentation)} == {*OPERATIONS, *options}
