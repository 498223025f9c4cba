"""Readers of what programs of ours wrote: lakes, output folders, files of sums."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import words
import xarray as xr
from cases import NAME, Case, Reader
from mutators import Rng, spoilt
from text_readers import home

from rt1t2_dask import open_study
from rt1t2_dask.cli.command_line import configured
from rt1t2_dask.config.study import Config
from rt1t2_dask.pipelines.outputs.folder import check_folder, read_provenance
from rt1t2_dask.pipelines.share.files import read_files
from rt1t2_dask.pipelines.share.format import FORMAT, comparable
from rt1t2_dask.pipelines.share.joint_analysis import plan_joint
from rt1t2_dask.pipelines.share.joint_write import (
    _age_pairs,
    _demographics,
    _protocol_table,
    _site_table,
)
from rt1t2_dask.pipelines.share.ledger import earlier
from rt1t2_dask.storage.arrays import to_objects
from rt1t2_dask.storage.checksums import PATH as CHECKSUMS
from rt1t2_dask.storage.checksums import Checksums
from rt1t2_dask.storage.claims import release_dead
from rt1t2_dask.storage.parts import Lake, Part
from rt1t2_dask.storage.provenance import list_runs, read_run, run_parts, write_run
from rt1t2_dask.storage.single_file import pack
from rt1t2_dask.storage.stores import open_store
from rt1t2_dask.storage.upkeep import gc, status, verify

PART = Part("smooth", f"{7:032x}")
SHAPE = (10, 11, 12)


def dataset() -> xr.Dataset:
    rng = np.random.default_rng(2)
    data = rng.normal(1.5, 0.1, SHAPE).astype(np.float32)
    data[:2] = np.nan
    return xr.Dataset(
        {
            "smoothed": (("z", "y", "x"), data, {"affine": np.eye(4).tolist()}),
            "p": ("row", np.array([0.25, np.nan])),
            "mask": ("row", np.array([True, False])),
        },
        attrs={"space": "MNI152NLin2009aSym"},
    )


@cache
def lake() -> Lake:
    """Return a lake of one part, a run, a claim and checksums; made once."""
    made = Lake(str(home() / "lake"))
    made.write(PART, dataset(), record={"number": 3}, files={"clusters.tsv": b"a\tb\n1\t2\n"})
    write_run(made, "small", "0" * 32, {"parts": {PART.stage: [PART.key]}, "state": "planned"})
    made.store.write(CHECKSUMS, json.dumps({"0" * 32: [10, 1.5, "f" * 64]}).encode())
    claim = {"token": "0", "host": "elsewhere", "pid": 1, "started": 1.0, "lease_s": 60, "beat": 0}
    made.store.write("claims/smooth/x.0", json.dumps(claim).encode())
    note = {"cells": {"a" * 32: 0}, "columns": {"a" * 32: [1.0, 60.0]}}
    made.store.write(f"shares/{'b' * 32}.json", json.dumps(note).encode())
    return made


def objects() -> list[str]:
    place = Path(lake().store.url)
    return sorted(
        p.relative_to(place).as_posix() for p in (place / "parts").rglob("*") if p.is_file()
    )


def part_case(rng: Rng) -> Case:
    """Damage, cut, lose or swap one object of a part, or lay a strange file into its folder."""
    path = str(words.pick(rng, objects()))
    content = (Path(lake().store.url) / path).read_bytes()
    how = int(rng.integers(8))
    if how == 0:
        return Case((path, None), f"{path} lost")
    if how == 1:
        other = str(words.pick(rng, objects()))
        return Case((path, (Path(lake().store.url) / other).read_bytes()), f"{path} is {other}")
    if how == 2 and path.endswith(".json"):
        tree = json.loads(content)
        return Case((path, words.json_text(tree, rng)), f"{path} json")
    if how == 3:
        names = (".DS_Store", "Thumbs.db", "._x", ".nfs000", "a b", "x.json", f"{'0' * 31}.json")
        folder = path.rpartition("/")[0]
        return Case((f"{folder}/{words.pick(rng, names)}", b"x"), "a strange file")
    return Case((path, spoilt(content, rng)), f"{path} bytes")


def swapped_in(path: str, content: bytes | None, read: Callable[[], Any]) -> Any:
    """Read with one object of the lake replaced or lost, and put it back."""
    place = Path(lake().store.url) / path
    before = place.read_bytes() if place.exists() else None
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        if content is None:
            place.unlink()
        else:
            place.write_bytes(content)
        return read()
    finally:
        if before is None:
            place.unlink(missing_ok=True)
        else:
            place.write_bytes(before)


def _part_read() -> Any:
    """Read a part in every way; a part that is absent is None."""
    fresh = Lake(lake().store.url)
    problems = fresh.verify(PART)
    assert all(line.isprintable() for line in problems), "lines with control characters"
    try:
        whole = fresh.whole(PART)
        data = fresh.read(PART).load()
        return data, fresh.record(PART), fresh.file(PART, "clusters.tsv"), sorted(whole)
    except FileNotFoundError:
        return None


def _part(case: tuple[str, bytes | None]) -> Any:
    return swapped_in(*case, _part_read)


def right_or_absent(case: tuple[str, bytes | None], result: Any) -> None:
    """A part that reads must be what was written, but for what the marker itself says."""
    if result is None or case[0].endswith(f"{PART.key}.json"):
        return
    wanted = dataset()
    for name in wanted.variables:
        np.testing.assert_array_equal(result[0][name].to_numpy(), wanted[name].to_numpy())
    assert result[1] == {"number": 3}


def document_case(rng: Rng) -> Case:
    place = Path(lake().store.url)
    paths = [p.relative_to(place).as_posix() for p in place.rglob("*") if p.is_file()]
    own = sorted(path for path in paths if not path.startswith("parts/"))
    path = str(words.pick(rng, own))
    content = (place / path).read_bytes()
    if rng.random() < 0.1:
        names = (".DS_Store", "Thumbs.db", "._x", "a b", "x.json", "no.number")
        where = f"{path.rpartition('/')[0]}/{words.pick(rng, names)}"
        return Case((where.lstrip("/"), b"x"), "a strange file")
    if rng.random() < 0.3:
        return Case((path, spoilt(content, rng)), f"{path} bytes")
    return Case((path, words.json_text(json.loads(content), rng)), f"{path} json")


def _upkeep() -> Any:
    """Do what runs and upkeep do with a lake's documents."""
    own = Lake(lake().store.url)
    sums = Checksums(own.store)
    sums.stamp(own.store, PART.marker)
    sums.of(own.store, PART.marker)
    claims = list(own.store.entries("claims"))
    kept = {one.path: own.store.read(one.path) for one in claims}
    release_dead(own.store)
    for path, content in kept.items():
        own.store.write(path, content)
    lines = [str(row) for row in status(own)] + verify(own)
    assert all(line.isprintable() for line in lines), "lines with control characters"
    gone = gc(own, dry_run=True, older_than_s=-1)
    for cohort, run in list_runs(own):
        run_parts(read_run(own, cohort, run))
    for one in earlier(own, "0" * 32):
        one.design(["a" * 32])
    return len(gone.parts)


def _documents(case: tuple[str, bytes | None]) -> Any:
    return swapped_in(*case, _upkeep)


@cache
def finished() -> Path:
    """Return an output folder as a finished study leaves it, made by hand."""
    folder = home() / "finished"
    (folder / "group").mkdir(parents=True)
    lines = ["+cohort=small", "source=maps", f"source.root={home() / 'bids'}",
             f"storage.url={home() / 'lake'}"]  # fmt: skip
    config = configured(lines, str(home() / "studies"))
    about = {
        "state": "complete", "study": "x", "images": "y", "simulated": True,
        "lake": str(home() / "lake"),
        "config": config.model_dump(mode="json"), "parts": {"sub-01": {"smooth": PART.key}},
        "group_parts": {"contrasts": {"patVsHc": {"contrast": PART.key}}}, "notes": [],
        "people": {"sub-01": {}}, "environment": {"packages": {"numpy": "2"}},
    }  # fmt: skip
    (folder / "provenance.json").write_text(json.dumps(about))
    (folder / "participants.tsv").write_text("participant_id\tgroup\tage\nsub-01\tpat\t60\n")
    (folder / "group" / "quality.tsv").write_text("participant_id\tbrain_ml\nsub-01\t1300\n")
    return folder


def folder_case(rng: Rng) -> Case:
    name = str(
        words.pick(rng, ("provenance.json",) * 3 + ("participants.tsv", "group/quality.tsv"))
    )
    content = (finished() / name).read_bytes()
    if rng.random() < 0.25:
        return Case((name, spoilt(content, rng)), f"{name} bytes")
    if name.endswith(".tsv"):
        rows = [line.split("\t") for line in content.decode().splitlines()]
        return Case((name, words.written(words.changed_table(rows, rng), rng)), f"{name} table")
    return Case((name, words.json_text(json.loads(content), rng)), f"{name} json")


def _opened(case: tuple[str, bytes]) -> Any:
    name, content = case
    path = finished() / name
    before = path.read_bytes()
    path.write_bytes(content)
    try:
        store = open_store(str(finished()))
        read_provenance(store)
        check_folder(store, _of_maps(), "x")
        study = open_study(finished())
        return study.cohort, study.simulated, study.people, study.table("quality"), study.map_stages
    finally:
        path.write_bytes(before)


@cache
def _of_maps() -> Config:
    lines = ["+cohort=small", "source=maps", f"source.root={home() / 'bids'}", "overwrite=true"]
    return configured(lines, str(home() / "studies"))


def sums(site: str) -> dict[str, bytes]:
    """Return the objects of a site's file, as an export writes them."""
    rng, voxels = np.random.default_rng(4), 27
    inside = np.zeros((5, 5, 5), np.uint8)
    inside[1:4, 1:4, 1:4] = 1
    x = np.column_stack([np.ones(12), rng.uniform(30, 80, 12)])
    grams = np.stack([x[:6].T @ x[:6], x[6:].T @ x[6:]])
    ages = {
        "n": 6,
        "age_n": 6,
        "age_sum": 330.0,
        "age_squares": 2e4,
        "n_male": None,
        "n_female": None,
    }
    about = {
        "format": FORMAT, "simulated": True, "cohort": "small", "site": site,
        "groups": ["pat", "hc"], "columns": ["1", "age"], "lacking": {"pat": [], "hc": []},
        "minimum_people": 5, "demographics": {"pat": ages, "hc": ages}, "scale": "ratio",
        **comparable(combining()), "protocols": [], "cells": ["pat", "hc"],
    }  # fmt: skip
    arrays = {
        "share_inside": (("z", "y", "x"), inside, {"affine": np.eye(4).tolist()}),
        "share_grams": (("cell", "column", "column_too"), grams),
        "share_present": (("cell", "voxel"), np.ones((2, voxels), bool)),
        "share_cross": (("group", "column", "voxel"), np.ones((2, 2, voxels))),
        "share_squares": (("group", "voxel"), np.ones((2, voxels))),
        "share_differences": (("group", "pair", "voxel"), np.ones((2, 6, voxels))),
        "region": ("region", np.array([47, 48])),
        "share_region_present": (("cell", "region"), np.ones((2, 2), bool)),
        "share_region_cross": (("group", "column", "region"), np.ones((2, 2, 2))),
        "share_region_squares": (("group", "region"), np.ones((2, 2))),
    }
    return to_objects(xr.Dataset(arrays, attrs=about))


@cache
def combining() -> Config:
    """Return the settings that combine a sound file and the hostile one."""
    lines = ["+cohort=small", "source=maps", f"source.root={home() / 'bids'}", "share=combine",
             f"files=[{home() / 'sound.zip'},{home() / f'{NAME}.zip'}]",
             "contrast.variance=equal", "site.model=covariate"]  # fmt: skip
    return configured(lines, str(home() / "studies"))


@cache
def shared(site: str) -> bytes:
    return pack(sums(site))


def share_case(rng: Rng) -> Case:
    how = int(rng.integers(6))
    if how == 0:
        return Case(spoilt(shared("b"), rng), "bytes")
    held = dict(sums("b"))
    path = str(words.pick(rng, sorted(held)))
    if how == 1:
        del held[path]
    elif how == 2 or not path.endswith("zarr.json"):
        held[path] = spoilt(held[path], rng)
    else:
        root = "zarr.json" if rng.random() < 0.6 else path
        held[root] = words.json_text(json.loads(held[root]), rng)
    if how == 5 and rng.random() < 0.1:
        return Case(_deflated(held | {"zeros": bytes(1 << 28)}), "zip bomb")
    if rng.random() < 0.05:
        held["../../outside"] = b"x"
    return Case(pack(held), f"{path} changed")


def _deflated(held: dict[str, bytes]) -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in held.items():
            for k in range(8 if path == "zeros" else 1):
                archive.writestr(f"{path}{k or ''}", data)
    return whole.getvalue()


def _combined(content: bytes) -> Any:
    (home() / "sound.zip").write_bytes(shared("a"))
    path = home() / f"{NAME}.zip"
    path.write_bytes(content)
    try:
        files, config = read_files(combining()), combining()
        tables = (_site_table(config, files), _protocol_table(files))
        more = (_demographics(config, files), _age_pairs(config, files))
        made = [one.arrays.load() for one in files]
        return (
            [len(table) for table in (*tables, *more)],
            plan_joint(config, files).notes,
            len(made),
        )
    finally:
        path.unlink()


def lake_readers() -> list[Reader]:
    return [
        Reader("part", part_case, _part, share=10, named=False, check=right_or_absent),
        Reader("lake", document_case, _documents, share=8, named=False),
        Reader("output folder", folder_case, _opened, share=3, named=False, lines=40),
        Reader("share", share_case, _combined, share=6, named=False, lines=40),
    ]
