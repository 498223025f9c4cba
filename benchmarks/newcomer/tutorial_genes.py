"""What was planted in simulated genes and came back: ``tutorial_genes outputs/chronic_pain``.

Rewrites what stands between the marks of docs/transcriptome.md, from a finished study without a
real table of expression. The last line is JSON: how many null sets were found over the maps, and r
of the other disorder's map with each.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
from newcomer.tutorial import DOCS, filled, headline, markdown, table
from summary.figures import conclude

from rt1t2_dask.pipelines.transcriptome.simulated import DISORDER

PAGE = DOCS / "transcriptome.md"
COLUMNS = {
    "map": "map", "explained": "variance explained (%)", "p_spin": "spin p",
    "up_found": "SIMUP in the 60 highest Z", "down_found": "SIMDOWN in the 60 lowest Z",
    "q_planted_up": "q planted up", "q_planted_down": "q planted down",
    "q_cell_class_a": "q cell class A", "null_sets_found": "null sets found",
}  # fmt: skip

REGIONS = ["regions", "n", "mean t above 0", "q <= .05, higher", "q <= .05, lower", "mean t"]


def main() -> None:
    output = Path(sys.argv[1])
    PAGE.write_text(filled(PAGE.read_text(), made(output)))
    found = table(output / "group" / "planted_genes.tsv")["null_sets_found"]
    r = maps(output / "group")["r"].tolist()
    conclude("tutorial_genes", {"null_sets_found": int(found.sum()), "r_other_disorder": r})


def made(output: Path) -> dict[str, str]:
    """Write each block of the page, Markdown, from an output folder."""
    group = output / "group"
    genes = table(group / "planted_genes.tsv")
    genes["explained"] *= 100
    return {
        "headline": "\n>\n".join(f"> {line}" for line in headline(output / "report.html")[:-1]),
        "regions": markdown(table(group / "planted_regions.tsv").set_axis(REGIONS, axis=1)),
        "genes": markdown(genes[list(COLUMNS)].set_axis(list(COLUMNS.values()), axis=1)),
        "maps": markdown(maps(group)),
    }


def maps(group: Path) -> pd.DataFrame:
    """Tell how the contrasts correlate with the other disorder's map."""
    rows = table(group / "map_correlations.tsv")
    own = rows.loc[rows["second"] == DISORDER, ["first", "r", "p_spin"]]
    return own.reset_index(drop=True)


if __name__ == "__main__":
    main()
