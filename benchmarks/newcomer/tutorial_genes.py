"""What was planted in simulated genes and came back: ``tutorial_genes outputs/chronic_pain``.

Rewrites what stands between the marks of docs/transcriptome.md, from a finished study without a
real table of expression. The last line is JSON: how many null sets were found over the maps, and r
of the other disorder's map with each.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pandas as pd
from newcomer.tutorial import DOCS, filled, headline, markdown, table
from summary.figures import conclude

from rt1t2_dask.morphometry.regions import LIMBIC
from rt1t2_dask.pipelines.transcriptome.simulated import DISORDER
from rt1t2_dask.simulate.expression import N_PLANTED, PLANTED

PAGE = DOCS / "transcriptome.md"
MAPS = ("oaVsHc", "lbpVsHc", "fmVsHc", "acrossCohorts", DISORDER)
ALPHA = 0.05


def main() -> None:
    output = Path(sys.argv[1])
    PAGE.write_text(filled(PAGE.read_text(), made(output)))
    rows = genes(output / "group")
    conclude(
        "tutorial_genes",
        {
            "null_sets_found": int(sum(int(cell.split(" ")[0]) for cell in rows["null sets"])),
            "r_other_disorder": maps(output / "group")["r"].tolist(),
        },
    )


def made(output: Path) -> dict[str, str]:
    """Write each block of the page, Markdown, from an output folder."""
    group = output / "group"
    return {
        "headline": "\n>\n".join(f"> {line}" for line in headline(output / "report.html")[:-1]),
        "regions": markdown(regions(group)),
        "genes": markdown(genes(group)),
        "maps": markdown(maps(group)),
    }


def regions(group: Path) -> pd.DataFrame:
    """Count the planted regions that came back, and the others."""
    rows = table(group / "cohorts_measure-similarity_regions.tsv")
    planted = rows["region"].str.split("_").str[1].isin(LIMBIC)
    found = []
    for name, own in (("planted increase", rows[planted]), ("others", rows[~planted])):
        t, q = own["mean_t"], own["q_stouffer"] <= ALPHA
        counts = (len(own), int((t > 0).sum()), int((q & (t > 0)).sum()), int((q & (t < 0)).sum()))
        found.append((name, *counts, round(float(t.mean()), 2)))
    columns = ["regions", "n", "mean t above 0", "q <= .05, higher", "q <= .05, lower", "mean t"]
    return pd.DataFrame(found, columns=columns)


def genes(group: Path) -> pd.DataFrame:
    """Tell of each map its share of variance, and what of the planted genes and sets was found."""
    found = []
    for name in MAPS:
        summary = json.loads((group / f"transcriptome-{name}_pls.json").read_text())
        listed = table(group / f"transcriptome-{name}_genes.tsv")["gene"]
        sets = table(group / f"transcriptome-{name}_sets.tsv").set_index("set")["q_fdr"]
        null = sets[~sets.index.str.contains(PLANTED)]
        own = {
            "map": name,
            "variance explained (%)": 100 * summary["explained"][0],
            "spin p": summary["p_spin"][0],
            f"SIMUP in the {N_PLANTED} highest Z": _count(listed.head(N_PLANTED), "SIMUP"),
            f"SIMDOWN in the {N_PLANTED} lowest Z": _count(listed.tail(N_PLANTED), "SIMDOWN"),
        }
        own |= {f"q {_short(label)}": q for label, q in sets.items() if PLANTED in str(label)}
        found.append(own | {"null sets": f"{int((null <= ALPHA).sum())} of {len(null)}"})
    return pd.DataFrame(found)


def _count(names: pd.Series, start: str) -> int:
    return int(names.str.startswith(start).sum())


def _short(label: object) -> str:
    return str(label).removeprefix("SIMULATED ").split(",")[0]


def maps(group: Path) -> pd.DataFrame:
    """Tell how the contrasts correlate with the other disorder's map."""
    rows = table(group / "map_correlations.tsv")
    own = rows.loc[rows["second"] == DISORDER, ["first", "r", "p_spin"]]
    return own.reset_index(drop=True)


if __name__ == "__main__":
    main()
