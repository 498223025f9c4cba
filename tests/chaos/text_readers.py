"""Readers of text: tables, sidecars, settings and command lines."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

import words
from cases import NAME, Case, Reader, unsafe
from mutators import Rng, bomb, gzipped, spoilt

from rt1t2_dask import atlas, tabular
from rt1t2_dask.bids.participants import participants
from rt1t2_dask.bids.sidecars import acquisition
from rt1t2_dask.cli.command_line import configured
from rt1t2_dask.config.keys import settings
from rt1t2_dask.config.study import Config
from rt1t2_dask.morphometry import tables
from rt1t2_dask.pipelines.outputs.dataset import marked
from rt1t2_dask.pipelines.people.agents import described
from rt1t2_dask.pipelines.people.notes import table_notes
from rt1t2_dask.pipelines.people.read import lines_read
from rt1t2_dask.pipelines.people.table import read_people, read_table, shown
from rt1t2_dask.pipelines.quality.ratings import with_ratings
from rt1t2_dask.storage.stores import open_store
from rt1t2_dask.tabular import write
from rt1t2_dask.transcriptome.expression import read_expression, read_gmt

PEOPLE = [
    ["participant_id", "group", "age", "sex", "site"],
    ["sub-01", "P", "61.5", "M", "A"],
    ["sub-02", "P", "70", "F", "B"],
    ["sub-03", "C", "55", "F", "A"],
    ["sub-04", "C", "64", "M", "B"],
    ["sub-05", "C", "n/a", "M", "A"],
]
APARC = [
    ["lh.aparc.thickness", "lh_insula_thickness", "lh_cuneus_thickness"],
    ["sub-01", "2.5", "2.1"],
    ["sub-02", "2.6", "2.0"],
]
LONG = [
    ["participant_id", "region", "feature", "value"],
    ["sub-01", "lh_insula", "thickness", "2.5"],
    ["sub-02", "rh_insula", "area", "300"],
]
WIDE = [
    ["participant_id", "lh_insula", "rh_insula"],
    ["sub-01", "1.5", "1.6"],
    ["sub-02", "1", "2"],
]
MAP = [["region", "value"], ["lh_insula", "0.5"], ["rh_insula", "-1"]]
PLACES = [["region", "x", "y", "z"], ["lh_insula", "1", "2", "3"], ["rh_insula", "4", "5", "6"]]
GENES = [["region", "GAD1", "1-Mar", "SEPT2"], ["lh_insula", "0.5", "1", "2"]]
SETS = [["GO:1", "a set", "GAD1", "SEPT2"], ["GO:2", "NA", "MARCH1"]]
NAMES = [["index", "name"], ["1", "insula"], ["2", "cuneus"]]
RATINGS = [
    ["participant_id", "rating", "rater", "note"],
    ["sub-01", "good", "A", ""],
    ["sub-02", "exclude", "A", "moved"],
]
STATS = (
    "# Title Segmentation Statistics\n# ColHeaders StructName NumVert SurfArea GrayVol ThickAvg "
    "ThickStd MeanCurv GausCurv FoldInd CurvInd\ninsula 3000 2000 6000 2.9 0.5 0.1 0.02 20 3.5\n"
    "cuneus 2000 1500 3000 1.9 0.5 0.1 0.02 20 3.5\n"
)
COHORT = """
name: small
participants: participants.tsv
group_column: group
groups: {pat: P, hc: C}
reference: hc
contrasts: {patVsHc: [pat, hc]}
covariates: [age]
exclude: []
"""
SIDECAR: dict[str, Any] = {
    "Manufacturer": "Siemens", "RepetitionTime": 2.3, "EchoTime": 0.003, "FlipAngle": 9,
    "ScanningSequence": ["GR", "IR"], "ContrastBolusIngredient": "GADOLINIUM",
    "MagneticFieldStrength": 3, "ImageType": ["ORIGINAL", "PRIMARY"],
}  # fmt: skip
LEVELS: dict[str, Any] = {
    "sex": {"Description": "sex", "Levels": {"1": "male", "2": "female"}},
    "group": {"Levels": {"P": "patient", "C": "control"}},
}
DESCRIPTION: dict[str, Any] = {"Name": "x", "BIDSVersion": "1.10.0", "simulated": True}


@cache
def home() -> Path:
    """Return a folder with a small dataset and a cohort, made once."""
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    own = os.getpid()  # children forked from here leave by os._exit and run none of this
    atexit.register(lambda: os.getpid() == own and shutil.rmtree(folder, ignore_errors=True))
    (folder / "bids").mkdir()
    (folder / "studies" / "cohort").mkdir(parents=True)
    (folder / "studies" / "cohort" / "small.yaml").write_text(COHORT)
    table = "\n".join("\t".join(row) for row in PEOPLE) + "\n"
    (folder / "bids" / "participants.tsv").write_text(table)
    return folder


@cache
def study() -> Config:
    folder = home()
    words_ = ["+cohort=small", "source=bids", f"source.root={folder / 'bids'}"]
    return configured(words_, str(folder / "studies"))


def table_case(rows: words.Table, separators: tuple[str, ...], rng: Rng) -> Case:
    separator = str(words.pick(rng, separators))
    changed = words.changed_table(rows, rng)
    if separator == "," and rng.random() < 0.3:
        k = int(rng.integers(len(changed)))
        changed[k] = [*changed[k][:-1], '"two\nlines, and more"']
    return Case(words.written(changed, rng, separator), f"table parted by {separator!r}")


def sound_table_case(rows: words.Table, separator: str, rng: Rng) -> Case:
    return Case(words.sound_table(rows, rng, separator), "sound table", "same")


def plain_table(rows: words.Table, separator: str = "\t") -> bytes:
    return ("\n".join(separator.join(row) for row in rows) + "\n").encode()


def stats_case(rng: Rng) -> Case:
    parts = STATS.split(" ")
    for _ in range(int(rng.integers(1, 5))):
        parts[rng.integers(len(parts))] = words.cell(rng)
    text = " ".join(parts)
    return Case(words.encoded(text, rng), "words")


def genes_case(rng: Rng) -> Case:
    case = table_case(GENES, ("\t", ","), rng)
    if rng.random() < 0.02:
        return Case(bomb(case.content, rng), "bomb")
    if rng.random() < 0.3:
        packed = gzipped(case.content)
        return Case(spoilt(packed, rng) if rng.random() < 0.5 else packed, "packed")
    return case


def put(path: Path, content: bytes, read: Callable[[], Any]) -> Any:
    """Read something with a file in place, then take it away."""
    path.write_bytes(content)
    try:
        return read()
    finally:
        path.unlink()


def _people(content: bytes) -> Any:
    """Read the participants table as a run and a check do, and write what outputs hold of it."""
    path = home() / "bids" / "participants.tsv"
    before = path.read_bytes()
    path.write_bytes(content)
    try:
        rows = read_table(study())
        people = read_people(study())
        lines = [*lines_read(people, study().cohort), *table_notes(study(), rows, named=True)]
        assert not any(map(unsafe, lines)), "lines with control characters"
        return write(shown(people)), lines
    finally:
        path.write_bytes(before)


def _same_shape(content: bytes, result: Any) -> None:
    table = result[0].decode()
    rows = [line.split("\t") for line in table.rstrip("\n").split("\n")]
    assert len({len(row) for row in rows}) == 1, "rows of several lengths were written"


def _levels(content: bytes) -> Any:
    return put(home() / "bids" / "participants.json", content, lambda: read_people(study()))


def _sidecar(content: bytes) -> Any:
    image = "sub-01_T1w.nii.gz"
    store = open_store(str(home() / "bids"))

    def read() -> Mapping[str, Any]:
        found = described(store, image, [image, "sub-01_T1w.json"])
        return acquisition(found)

    return put(home() / "bids" / "sub-01_T1w.json", content, read)


def _description(content: bytes) -> Any:
    path = home() / "bids" / "dataset_description.json"
    return put(path, content, lambda: marked(study()).simulated)


def _ratings(content: bytes) -> Any:
    path = home() / f"{NAME}.tsv"
    cohort = study().cohort.model_copy(update={"ratings": (str(path),)})
    asked = study().model_copy(update={"cohort": cohort})
    return put(path, content, lambda: [r.model_dump() for r in with_ratings(asked).cohort.rated])


def _genes(content: bytes) -> Any:
    return read_expression(content, NAME)


def table_readers() -> list[Reader]:
    both, every = ("\t",), ("\t", ",", ";", " ")

    def of(read: Callable[..., Any], *more: Any) -> Callable[[bytes], Any]:
        return lambda content: read(content, *more)

    stats = of(tables.read_stats, "sub-01", "lh", NAME)
    plain = plain_table(PEOPLE)
    return [
        Reader("table", partial(table_case, PEOPLE, both), of(tabular.read, NAME), share=8),
        Reader("table of any kind", partial(table_case, PEOPLE, every),
               of(tabular.read, NAME, None), share=8),
        Reader("table sound", partial(sound_table_case, PEOPLE, "\t"), of(tabular.read, NAME),
               plain, 3),
        Reader("csv sound", partial(sound_table_case, PEOPLE, ","), of(tabular.read, NAME, None),
               plain_table(PEOPLE, ","), 3),
        Reader("participants", partial(table_case, PEOPLE, both), of(participants, NAME), share=4),
        Reader("people", partial(table_case, PEOPLE, both), _people, share=6, named=False, lines=40,
               check=_same_shape),
        Reader("aparcstats2table", partial(table_case, APARC, every),
               of(tables.read_aparcstats2table, NAME), share=2),
        Reader("stats", stats_case, stats, share=2),
        Reader("long table", partial(table_case, LONG, every), of(tables.read_long, NAME), share=2),
        Reader("wide table", partial(table_case, WIDE, every), of(tables.read_wide, "rt1t2", NAME),
               share=2),
        Reader("map of regions", partial(table_case, MAP, every), of(tables.read_map, NAME),
               share=2),
        Reader("centroids", partial(table_case, PLACES, every), of(tables.read_centroids, NAME),
               share=2),
        Reader("genes", genes_case, _genes, share=3),
        Reader("gene sets", partial(table_case, SETS, both), of(read_gmt, NAME), share=2),
        Reader("names of labels", partial(table_case, NAMES, both), of(atlas.label_names, NAME),
               share=2),
        Reader("ratings", partial(table_case, RATINGS, both), _ratings, share=2),
    ]  # fmt: skip


def json_case(tree: Any, rng: Rng) -> Case:
    return Case(words.json_text(tree, rng), "json")


def json_readers() -> list[Reader]:
    return [
        Reader("sidecar", partial(json_case, SIDECAR), _sidecar, share=6, named=False),
        Reader("levels", partial(json_case, LEVELS), _levels, share=5, named=False, lines=40),
        Reader("description", partial(json_case, DESCRIPTION), _description, share=3, named=False),
    ]


def yaml_case(rng: Rng) -> Case:
    return Case(words.yaml_text(COHORT, rng), "yaml")


def _cohort(content: bytes) -> Any:
    folder = home() / "studies"
    words_ = ["+cohort=hostile", "source=bids", f"source.root={home() / 'bids'}"]
    path = folder / "cohort" / "hostile.yaml"
    return put(path, content, lambda: configured(words_, str(folder)).science())


@cache
def keys() -> list[str]:
    return [one.key.replace("<name>", "x") for one in settings(Config)]


def words_case(rng: Rng) -> Case:
    base = ["+cohort=small", "source=bids", f"source.root={home() / 'bids'}"]
    return Case(words.command_words(keys(), base, rng), "words")


def _words(own: list[str]) -> Any:
    return configured(own, str(home() / "studies")).science()


def settings_readers() -> list[Reader]:
    return [
        Reader("cohort", yaml_case, _cohort, share=1, named=False, lines=40),
        Reader("words", words_case, _words, share=1, named=False, lines=40),
    ]
