"""Tables as files of a part."""

from __future__ import annotations

import pandas as pd


def tsv_file(rows: pd.DataFrame) -> bytes:
    """Write a part's table: tabs, ten significant digits, empty for missing."""
    text = rows.to_csv(sep="\t", index=False, lineterminator="\n", float_format="%.10g")
    return str(text).encode()
