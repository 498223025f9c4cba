"""How YAML parses unquoted values."""

from __future__ import annotations

import yaml

from rt1t2_dask.tabular import NUMBER


def as_yaml(text: str) -> set[str]:
    """Return the YAML values of an unquoted text: 010 is 8, 1e3 is 1000.0 and 1.10 is 1.1.

    Configurations read 1e3 as a number, which plain YAML 1.1 does not.
    """
    try:
        plain = yaml.safe_load(text)
    except yaml.YAMLError:
        plain = text
    found = {str(plain)}
    if NUMBER.fullmatch(text):
        found.add(str(float(text)))
    return found - {text}
