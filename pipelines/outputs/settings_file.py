"""The settings of a study as a file beside its report."""

from __future__ import annotations

import yaml

from rt1t2_dask.config.study import Config
from rt1t2_dask.storage.stores import Store

SETTINGS = "settings.yaml"
HEAD = """# Every setting of cohort {cohort} that decides the results. Where it ran and where its
# files lie: provenance.json, under config.
"""


def write_settings(store: Store, config: Config) -> None:
    """Write the settings that decide the results, as YAML."""
    head = HEAD.format(cohort=config.cohort.name)
    text = yaml.safe_dump(config.science(), sort_keys=False, allow_unicode=True)
    store.write(SETTINGS, (head + text).encode())
