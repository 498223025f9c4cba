"""Read regional tables of FreeSurfer and its users into one long table."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pandas as pd

from rt1t2_dask import tabular
from rt1t2_dask.errors import UserError
from rt1t2_dask.morphometry.features import FREESURFER
from rt1t2_dask.morphometry.regions import canonical, is_cortex

COLUMNS = ["participant_id", "region", "feature", "value"]
HEAD = re.compile(r"^(lh|rh)\.(.+)\.([a-z]+)$")
WHOLE = ("MeanThickness", "WhiteSurfArea", "eTIV", "BrainSegVolNotVent", "BrainSegVol")
STATS_COLUMNS = {
    "SurfArea": "area", "GrayVol": "volume", "ThickAvg": "thickness", "MeanCurv": "meancurv",
    "GausCurv": "gauscurv", "FoldInd": "foldind", "CurvInd": "curvind",
}  # fmt: skip
# Thickness is far below 1 m: 2,345 means 2.345 mm with a decimal comma.
THICKNESS = "thickness"
POSITIVE = ("volume", "area", "thickness", "meancurv")
AXES = ("x", "y", "z")
LABELS = re.compile(r"(sub-[A-Za-z0-9]+)")


def person_label(text: str) -> str:
    """Return ``sub-01`` for ``01``, ``sub-01``, ``sub-01_ses-1`` or a path that ends in one."""
    name = str(text).strip().rstrip("/").rsplit("/", 1)[-1]
    match = LABELS.search(name)
    return match[1] if match else f"sub-{name}"


def read_aparcstats2table(content: bytes, name: str) -> pd.DataFrame:
    """Read the output of ``aparcstats2table``: one row per person, one column per region.

    Parameters
    ----------
    content : bytes
        Separated by tabs, commas, semicolons or blanks; the first cell names hemisphere,
        parcellation and measure (``lh.aparc.thickness``).
    name : str
        For messages.

    Returns
    -------
    DataFrame
        participant_id, region, feature, value; empty cells are left out.

    Raises
    ------
    UserError
        The first cell is not such a name, or the measure is unknown.
    """
    rows = tabular.read(content, name, None)
    match = HEAD.match(str(rows.columns[0]))
    if match is None or match[3] not in FREESURFER:
        raise UserError(
            f"{name} begins with {rows.columns[0]!r}, aparcstats2table writes "
            f"lh.aparc.thickness; known measures: {', '.join(FREESURFER)}."
        )
    side, measure = match[1], match[3]
    wide = rows.set_index(rows.columns[0])
    wide.columns = [_region(str(column), side, measure) for column in wide.columns]
    kept = wide[[c for c in wide.columns if c]]
    return _long(kept, measure, name)


def _region(column: str, side: str, measure: str) -> str:
    """Return the region of a column; empty for totals of the hemisphere or head."""
    name = column.removesuffix(f"_{measure}").removeprefix(f"{side}_")
    return "" if name in WHOLE or not is_cortex(name) else f"{side}_{name}"


def _long(wide: pd.DataFrame, feature: str, name: str) -> pd.DataFrame:
    if wide.index.isna().any():
        raise UserError(f"{name}: a row has no person; fill in its first cell.")
    people = [person_label(label) for label in wide.index]
    rows = wide.set_axis(people, axis=0).rename_axis("participant_id").reset_index()
    long = rows.melt("participant_id", var_name="region", value_name="value")
    long["feature"] = feature
    return _numbers(long, name)


def _numbers(long: pd.DataFrame, name: str) -> pd.DataFrame:
    values, wrong = tabular.parse_numbers(long["value"], long["feature"] == THICKNESS)
    if wrong.any():
        row = long[wrong].iloc[0]
        raise UserError(
            f"{name}: {row['feature']} of {row['region']} is {row['value']!r}, no number "
            f"({int(wrong.sum())} such cells); write the number alone"
            f"{tabular.either_way(long['value'][wrong])}, n/a where nothing was measured."
        )
    # FreeSurfer's tables hold 0 for missing regions.
    absent = long["feature"].isin(POSITIVE) & (values == 0)
    known = long.assign(value=values)[values.notna() & ~absent]
    found: pd.DataFrame = known[COLUMNS].reset_index(drop=True)
    return found


def read_stats(content: bytes, label: str, side: str, name: str) -> pd.DataFrame:
    """Read one person's ``?h.aparc.stats`` of FreeSurfer; columns as `read_aparcstats2table`.

    Raises
    ------
    UserError
        The line ``# ColHeaders`` is missing, or a row does not match it.
    """
    lines = content.decode("utf-8", "replace").splitlines()
    heads = [line.split()[2:] for line in lines if line.startswith("# ColHeaders")]
    if not heads:
        raise UserError(f"{name} has no line '# ColHeaders': it is not a FreeSurfer stats file.")
    cells = [line.split() for line in lines if line.strip() and not line.startswith("#")]
    if len(set(heads[0])) != len(heads[0]) or "StructName" not in heads[0]:
        raise UserError(
            f"{name}: '# ColHeaders' does not name StructName, or a column twice; the file is "
            "damaged."
        )
    if any(len(row) != len(heads[0]) for row in cells):
        raise UserError(f"{name}: a row does not have {len(heads[0])} cells; the file is damaged.")
    wide = pd.DataFrame(cells, columns=heads[0]).rename(columns=STATS_COLUMNS)
    wide = wide.loc[wide["StructName"].map(is_cortex).astype(bool)]
    found = [c for c in STATS_COLUMNS.values() if c in wide]
    long = wide.melt("StructName", found, "feature", "value").rename(
        columns={"StructName": "region"}
    )
    long["region"] = [f"{side}_{region}" for region in long["region"]]
    return _numbers(long.assign(participant_id=person_label(label)), name)


def read_long(content: bytes, name: str) -> pd.DataFrame:
    """Read one long table: participant_id, region, feature, value, and optionally hemisphere.

    Raises
    ------
    UserError
        A column is missing.
    """
    rows = tabular.read(content, name, None)
    missing = [column for column in COLUMNS if column not in rows]
    if missing:
        raise UserError(
            f"{name} has no column {missing[0]}; a long table has {', '.join(COLUMNS)} and, where "
            "regions do not name it, hemisphere."
        )
    _require_named(rows, name)
    regions = rows["region"]
    if "hemisphere" in rows:
        regions = rows["hemisphere"] + "-" + regions
    named = {text: canonical(text) for text in regions.unique()}
    people = {text: person_label(text) for text in rows["participant_id"].unique()}
    long = rows.assign(region=regions.map(named), participant_id=rows["participant_id"].map(people))
    return _numbers(long.loc[long["region"].map(is_cortex).astype(bool)], name)


def _require_named(rows: pd.DataFrame, name: str) -> None:
    """Refuse a row without person or region."""
    for column in (c for c in ("participant_id", "hemisphere", "region", "feature") if c in rows):
        empty = rows.index[rows[column].isna()]
        if len(empty):
            raise UserError(f"{name}: row {empty[0]} has no {column}; fill it in.")


def read_wide(content: bytes, feature: str, name: str) -> pd.DataFrame:
    """Read one feature with a row per person and a column per region, such as regional rT1/T2.

    Raises
    ------
    UserError
        There is no column participant_id.
    """
    rows = tabular.read(content, name, None)
    if "participant_id" not in rows:
        raise UserError(
            f"{name} has no column participant_id; it has {', '.join(rows.columns[:5])}."
        )
    wide = rows.set_index("participant_id")
    wide.columns = [canonical(str(column)) for column in wide.columns]
    return _long(wide[[c for c in wide.columns if is_cortex(c)]], feature, name)


def read_map(content: bytes, name: str) -> dict[str, float]:
    """Read one value per region: columns region and value, or region and one other.

    Raises
    ------
    UserError
        The column of the map is ambiguous, a region is duplicated, or a value is not a number.
    """
    rows = tabular.read(content, name, None)
    others = [c for c in rows.columns if c != "region"]
    column = "value" if "value" in others else others[0] if len(others) == 1 else None
    if "region" not in rows or column is None:
        raise UserError(
            f"{name} needs columns region and value; it has {', '.join(rows.columns)}. A map has "
            f"one number per region: name its column value."
        )
    _require_named(rows[["region"]], name)
    long = pd.DataFrame({"region": [canonical(r) for r in rows["region"]], "value": rows[column]})
    twice = long["region"][long["region"].duplicated()]
    if len(twice):
        raise UserError(f"{name}: {twice.iloc[0]} is duplicated; keep one value per region.")
    known = _numbers(long.assign(participant_id="", feature="map"), name)
    return dict(zip(known["region"], known["value"], strict=True))


def read_centroids(content: bytes, name: str) -> dict[str, tuple[float, ...]]:
    """Read sphere coordinates: columns region, x, y and z.

    Raises
    ------
    UserError
        A column is missing, or a coordinate is not a number.
    """
    rows = tabular.read(content, name, None)
    missing = {"region", *AXES} - set(rows)
    if missing:
        raise UserError(f"{name} has no column {min(missing)}.")
    _require_named(rows, name)
    axes = [tabular.numbers(rows[axis], name) for axis in AXES]
    if any(axis.isna().any() for axis in axes):
        raise UserError(f"{name}: a region has no x, y or z; fill it in or leave it out.")
    places = zip(*(axis.tolist() for axis in axes), strict=True)
    return {canonical(r): place for r, place in zip(rows["region"], places, strict=True)}


def joined(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Concatenate long tables."""
    return pd.concat(list(tables), ignore_index=True)
