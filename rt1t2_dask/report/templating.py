"""The Jinja environment of the report: escaped HTML, plain text, strict undefined."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape


@cache
def environment() -> Environment:
    """Return the environment over ``templates/``; only ``.txt`` templates are not escaped."""
    return Environment(
        loader=PackageLoader("rt1t2_dask.report", "templates"),
        autoescape=select_autoescape(default=True, disabled_extensions=("txt",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
