"""What times were measured on: a processor by its name and cores, an accelerator by its own name."""

from vitlab.language import language_of
from vitlab.reporting.devices import run_devices, timed_device

EPYC = {"device": "AMD EPYC 7B13", "cores": 2}
FRENCH = language_of("fr")


def test_a_processor_has_its_name_and_its_cores():
    assert timed_device(EPYC) == "AMD EPYC 7B13, 2 cores"
    assert timed_device(EPYC | {"cores": 1}) == "AMD EPYC 7B13, 1 core"
    assert FRENCH.text(timed_device(EPYC)) == "AMD EPYC 7B13, 2 cœurs"
    manifest = {"devices": ["cpu"], "processor": "AMD EPYC 7B13", "cores": 2}
    assert run_devices(manifest) == timed_device(EPYC)


def test_an_accelerator_has_its_own_name():
    h100 = "NVIDIA H100 80GB HBM3"
    assert timed_device({"device": h100, "cores": None}) == h100
    manifest = {"devices": [h100] * 8, "processor": "AMD EPYC 7B13", "cores": 64}
    assert run_devices(manifest) == f"8 × {h100}"


def test_an_older_run_says_what_it_knows():
    assert timed_device({"device": "cpu"}) == "cpu"
    assert timed_device({}) is None
    assert run_devices({"devices": ["cpu"]}) == "cpu"
    assert run_devices({}) == "?"
