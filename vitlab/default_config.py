"""The config that a command starts from where --config names none."""

from ml_collections import ConfigDict

from vitlab.config import defaults


def get_config() -> ConfigDict:
    return defaults()
