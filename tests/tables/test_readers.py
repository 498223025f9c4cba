"""Tables of regions, labels, genes and sets: the same care as for people."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from rt1t2_dask.atlas import label_names
from rt1t2_dask.errors import UserError
from rt1t2_dask.morphometry.tables import (
    read_aparcstats2table,
    read_centroids,
    read_long,
    read_map,
    read_stats,
    read_wide,
)
from rt1t2_dask.transcriptome.expression import read_expression, read_gmt

WIDE = 'participant_id\tL_insula\tR_insula\nsub-1\t1.5\tn/a\nsub-2\t"2.5"\t3\n'
GENES = "Region\tA1BG\tTP53\nL_insula\t0.5\t1\nR_insula\t-1\t2\n"


def variants(text: str) -> list[bytes]:
    """The same table as editors and spreadsheets save it."""
    semicolons = text.replace(".", ",").replace("\t", ";")
    return [
        text.encode(), b"\xef\xbb\xbf" + text.encode(), text.encode("utf-16"),
        text.replace("\n", "\r\n").encode(), text.replace("\n", "\r").encode(),
        text.replace("\n", "\t \t\n").encode(), text.replace("\t", " \t ").encode(),
        text.replace("\t", ",").encode(), text.replace("n/a", ".").encode(),
        semicolons.encode(), text.replace("\n", "\n\n").encode(),
    ]  # fmt: skip


@pytest.mark.parametrize("content", variants(WIDE))
def test_wide_tables_read_alike(content):
    rows = read_wide(content, "rt1t2", "t.tsv")
    assert rows[["participant_id", "region", "value"]].to_numpy().tolist() == [
        ["sub-1", "lh_insula", 1.5], ["sub-2", "lh_insula", 2.5], ["sub-2", "rh_insula", 3.0],
    ]  # fmt: skip


@pytest.mark.parametrize("content", [*variants(GENES), gzip.compress(GENES.encode(), mtime=0)])
def test_expression_reads_alike(content):
    found = read_expression(content, "genes")
    assert found.regions == ("lh_insula", "rh_insula")
    assert found.genes == ("A1BG", "TP53")
    np.testing.assert_array_equal(found.values, [[0.5, 1], [-1, 2]])


@pytest.mark.parametrize(
    "content", [b"s\td\tA\tB\r\nt\t\tC\t\r\n", b"\xef\xbb\xbfs\td\tA\tB\rt\t\tC"]
)
def test_gene_sets_read_alike(content):
    assert read_gmt(content, "sets") == {"s": ("A", "B"), "t": ("C",)}


def test_a_table_of_labels_may_name_the_background_and_hold_text():
    content = (
        b"index\tname\tabbreviation\r\n0\tBackground\tBG\r\n1\tLeft insula\tLI\r\n2.0\tB\tb\r\n"
    )
    assert label_names(content, "t.tsv") == {1: "Left insula", 2: "B"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"index\tname\nL1\ta\n", "index='L1' in row 2 is not a number"),
        (b"index\tname\n1.5\ta\n", "index='1.5' in row 2 is not an integer"),
        (b"index\tname\nn/a\ta\n", "row 2 is not an integer"),
        (b"index\tname\n1\ta\n1\tb\n", "index 1 is duplicated"),
        (b"label\tname\n1\ta\n", "needs columns index and name"),
    ],
)
def test_labels_that_are_none_are_said(content, said):
    with pytest.raises(UserError, match=said) as caught:
        label_names(content, "receptors.atlas.table=t.tsv")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("reader", "content", "said"),
    [
        (lambda c: read_wide(c, "f", "t"), b"participant_id\tL_a\n1\tinf\n", "'inf', no number"),
        (lambda c: read_wide(c, "f", "t"), b"participant_id\tL_a\nn/a\t1\n", "a row has no person"),
        (lambda c: read_map(c, "t"), b"region\tvalue\n\t1\n", "row 2 has no region"),
        (lambda c: read_map(c, "t"), b"region\tvalue\nL_a\n", "row 2 has 1 cells"),
        (lambda c: read_long(c, "t"), b"participant_id\tregion\tfeature\tvalue\n1\t.\ta\t1\n",
         "row 2 has no region"),
        (lambda c: read_aparcstats2table(c, "t"), b"", "is empty"),
        (lambda c: read_centroids(c, "t"), b"region\tx\ty\nL_a\t1\t2\n", "has no column z"),
        (lambda c: read_centroids(c, "t"), b"region\tx\ty\tz\nL_a\t1\t2\tn/a\n", "no x, y or z"),
        (lambda c: read_centroids(c, "t"), b"region\tx\ty\tz\nL_a\t1\tno\t3\n", "y='no' in row 2"),
        (lambda c: read_expression(c, "t"), b"Region,A\nL_a,x\n", "1 cells are not numbers"),
        (lambda c: read_expression(c, "t"), b"Region,A\nL_a,1,2\n", "row 2 has 3 cells"),
    ],
)  # fmt: skip
def test_damage_is_said_in_one_line(reader, content, said):
    with pytest.raises(UserError, match=said) as caught:
        reader(content)
    assert "\n" not in str(caught.value)


def test_places_read_with_commas():
    assert read_centroids(b"region;x;y;z\nL_a;1,5;2;-3\n", "t") == {"lh_a": (1.5, 2.0, -3.0)}


def test_stats_with_other_ends_of_line():
    stats = b"# ColHeaders StructName GrayVol ThickAvg\r\ninsula 9 nan\r\n"
    assert read_stats(stats, "1", "lh", "s")["value"].tolist() == [9.0]
