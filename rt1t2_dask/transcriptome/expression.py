"""Tables of regional gene expression, and lists of genes."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rt1t2_dask import gzipped, tabular
from rt1t2_dask.errors import UserError
from rt1t2_dask.morphometry.regions import canonical

Float = NDArray[np.float64]
Index = NDArray[np.intp]
NAME_COLUMNS = ("label", "region", "index", "name", "structure")
MONTHS = {"mar": "MARCH", "sep": "SEPT", "dec": "DEC", "oct": "OCT", "nov": "NOV"}
DATE = re.compile(r"^(?:(\d{1,2})-([A-Za-z]{3})|([A-Za-z]{3})-(\d{1,2}))(?:\.\d+)?$")
ALIASES = (("MARCHF", "MARCH"), ("SEPTIN", "SEPT"), ("MTARC", "MARC"))
AMBIGUOUS = frozenset({"MARCH1", "MARCH2"})
MIN_SET = 5
# A table of 20,000 genes and 308 regions unpacks to 110 MB.
MOST_BYTES = 1 << 28


@dataclass(frozen=True)
class Expression:
    """Expression of genes in regions.

    Parameters
    ----------
    values : ndarray, shape (region, gene)
    regions : tuple of str
        Canonical names, such as ``lh_insula``.
    genes : tuple of str
        Whole symbols from the table's header.
    restored, ambiguous : tuple of str
        Symbols that a spreadsheet had turned into dates: those restored, and those that could be
        two genes, which are in no set.
    """

    values: Float
    regions: tuple[str, ...]
    genes: tuple[str, ...]
    restored: tuple[str, ...] = ()
    ambiguous: tuple[str, ...] = ()

    def rows(self, wanted: Sequence[str]) -> Index:
        """Return the row of each region; `UserError` where one is not in the table."""
        place = {name: k for k, name in enumerate(self.regions)}
        missing = [name for name in wanted if name not in place]
        if missing:
            raise UserError(
                f"transcriptome.expression lacks {len(missing)} regions of the map: "
                f"{', '.join(missing[:5])}; use a table of the same parcellation."
            )
        return np.array([place[name] for name in wanted], np.intp)


def read_expression(content: bytes, name: str) -> Expression:
    """Read a table with one row a region and one column a gene.

    Parameters
    ----------
    content : bytes
        CSV or TSV, compressed or not; a column ``Region`` (or the first column of text) names rows.
    name : str
        For messages.

    Raises
    ------
    UserError
        It cannot be unpacked; no region names, non-numeric cells, missing values or repeated
        regions.
    """
    try:
        plain = gzipped.unzipped(content, MOST_BYTES)
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(
            f"{name} cannot be unpacked ({error}); copy or compress it again."
        ) from None
    header, lines = tabular.cells(plain, name, None)
    rows = [row for _, row in lines]
    unnamed = f"{tabular.UNNAMED} 1"
    named = [k for k, c in enumerate(header) if c.lower() in NAME_COLUMNS or c == unnamed]
    texts = [k for k in named if not all(_is_number(row[k]) for row in rows)]
    if not texts:
        raise UserError(
            f"{name}: no column holds region names; call it region (with values such as L_insula)."
        )
    kept = [k for k in range(len(header)) if k not in named]
    values = np.array([_floats([row[k] for row in rows]) for k in kept], np.float64).T
    regions = tuple(canonical(row[texts[0]]) for row in rows)
    _check(values, regions, name)
    return _with_dates_restored(values, regions, [header[k] for k in kept])


def _is_number(cell: str) -> bool:
    return cell in tabular.MISSING or bool(tabular.NUMBER.fullmatch(cell))


def _floats(column: Sequence[str]) -> Float:
    """Read a gene's cells; NaN where missing or not a number."""
    try:
        values = np.array(column, np.float64)
    except ValueError:
        parsed, _ = tabular.parse_numbers(pd.Series(column, dtype=object))
        values = np.asarray(parsed, np.float64)
    return values


def _check(values: Float, regions: Sequence[str], name: str) -> None:
    if not np.isfinite(values).all():
        region, gene = np.argwhere(~np.isfinite(values))[0]
        raise UserError(
            f"{name}: {int((~np.isfinite(values)).sum())} cells are not numbers, the first in "
            f"{regions[region]}, gene column {gene + 1}; fill them in or leave the genes out."
        )
    if len(set(regions)) != len(regions):
        raise UserError(f"{name}: a region has two rows; keep one.")


def _with_dates_restored(values: Float, regions: tuple[str, ...], raw: list[str]) -> Expression:
    """Restore symbols from month names where only one gene matches; never guess."""
    genes, restored, ambiguous = [], [], []
    for column in raw:
        symbol = _from_date(column)
        if symbol is None:
            genes.append(column)
        elif symbol in AMBIGUOUS:
            genes.append(column)
            ambiguous.append(column)
        else:
            genes.append(symbol)
            restored.append(symbol)
    return Expression(values, regions, tuple(genes), tuple(restored), tuple(ambiguous))


def _from_date(name: str) -> str | None:
    match = DATE.match(name)
    if match is None:
        return None
    month, number = match[2] or match[3], match[1] or match[4]
    stem = MONTHS.get(month.lower())
    return None if stem is None else f"{stem}{int(number)}"


def read_gmt(content: bytes, name: str) -> dict[str, tuple[str, ...]]:
    """Read gene sets: each line has a set's name, a description and its genes, separated by tabs.

    Raises
    ------
    UserError
        A line without genes, or a duplicate name.
    """
    found: dict[str, tuple[str, ...]] = {}
    for number, line in enumerate(tabular.LINE_END.split(tabular.decoded(content, name)), 1):
        cells = [cell.strip() for cell in line.split("\t")]
        if not any(cells):
            continue
        if len(cells) < 3 or cells[0] in found:
            fault = "names no genes" if len(cells) < 3 else f"repeats the set {cells[0]}"
            raise UserError(f"{name}, line {number} {fault}: a line is name, description, genes.")
        described = cells[1] not in ("", "NA", "na", cells[0])
        label = f"{cells[1]} ({cells[0]})" if described and cells[0].startswith("GO:") else cells[0]
        found[label] = tuple(cell for cell in cells[2:] if cell)
    return found


def positions(
    sets: Mapping[str, Iterable[str]], expression: Expression
) -> tuple[dict[str, Index], tuple[str, ...]]:
    """Find the columns of each set's genes.

    Returns
    -------
    found : dict of str to ndarray of int
        Columns of each set's genes.
    small : tuple of str
        Sets with fewer than `MIN_SET` genes in the table, which are not tested.
    """
    ambiguous = set(expression.ambiguous)
    place = {_old(g): k for k, g in enumerate(expression.genes) if g not in ambiguous}
    matched = {
        label: np.array(sorted({place[_old(g)] for g in genes if _old(g) in place}), np.intp)
        for label, genes in sets.items()
    }
    small = tuple(label for label, rows in matched.items() if len(rows) < MIN_SET)
    return {label: rows for label, rows in matched.items() if label not in small}, small


def _old(symbol: str) -> str:
    """Map renamed families to one form: MARCHF1 to MARCH1, SEPTIN2 to SEPT2."""
    for new, old in ALIASES:
        if symbol.startswith(new) and symbol.removeprefix(new).isdigit():
            return old + symbol.removeprefix(new)
    return symbol
