"""What the report shows of contrasts, read from the lake."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rt1t2_dask.config.contrasts import Paired, TwoSample
from rt1t2_dask.config.study import Config
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.pipelines.contrasts import results
from rt1t2_dask.pipelines.contrasts.group_design import words
from rt1t2_dask.pipelines.contrasts.group_maps import contrast_maps
from rt1t2_dask.pipelines.contrasts.plan import ContrastPlan
from rt1t2_dask.pipelines.engine.volumes import to_volume
from rt1t2_dask.report.content import ContrastResult, Threshold
from rt1t2_dask.storage.parts import Lake

VIEWED = ("effect", "d", "r", "eta2")
VARIANCE_NOTES = {
    "welch": (
        "Each group has a variance of its own, in the table and in the permutations, "
        "which change the sign of residuals (each over one minus its leverage) and "
        "take Welch's t, or Winkler's G for F, as the z of equal p."
    ),
    "spm_unequal": (
        "Groups differ in variance by a ratio pooled over voxels, as in SPM12; "
        "the permutations exchange the whitened residuals of that model."
    ),
}


def contrast_result(config: Config, lake: Lake, name: str, plan: ContrastPlan) -> ContrastResult:
    """Read what the report shows of one contrast."""
    said = words(plan.form)
    pair = plan.form.groups if isinstance(plan.form, TwoSample) else ("", "")
    height = lake.record(plan.clusters.part)["height"]
    dof = lake.record(plan.contrast.part)["dof"]
    return ContrastResult(
        name=name,
        first=pair[0],
        second=pair[1],
        heading=said.title,
        higher=said.positive,
        lower=said.negative,
        n=plan.design.n,
        counts=Counter(plan.design.group.tolist()),
        paired=isinstance(plan.form, Paired),
        statistic="t" if plan.design.q == 1 else "F",
        details=results.contrast_details(lake, plan, config.cohort.reference),
        t_map=to_volume(lake.read(plan.contrast.part)["stat_t"]),
        clusters=results.cluster_rows(lake, plan),
        threshold=Threshold(config.contrast.p, height, config.contrast.extent_mm3, dof),
        permutation=results.permutation_summary(lake, plan),
        maps=further_maps(lake, name, plan),
    )


def further_maps(lake: Lake, name: str, plan: ContrastPlan) -> dict[str, Volume]:
    """Read the maps that the viewer offers beside t or F, by the end of their file's name."""
    found: dict[str, Volume] = {}
    for each in contrast_maps(lake, name, plan):
        if each.desc == "fwe":
            found["tfce" if each.stat == "tfce" else "fwe"] = each.volume
        elif not each.desc and each.stat in VIEWED:
            found[each.stat] = each.volume
    return found


def contrast_notes(config: Config, shown: Sequence[ContrastResult]) -> list[str]:
    """Return notes on the variance model, and on columns of the tables that are n/a."""
    notes = []
    if shown and config.permute.n and config.contrast.variance != "equal":
        notes.append(VARIANCE_NOTES[config.contrast.variance])
    if "cluster" in config.permute.statistic and config.permute.forming_p != config.contrast.p:
        notes.append(
            "extent_p_fwe_permutation is n/a: clusters of the table are formed at "
            f"contrast.p={config.contrast.p}, the permuted ones at "
            f"permute.forming_p={config.permute.forming_p}."
        )
    if shown and not config.permute.n:
        notes.append("Permutation p of extent and peak are n/a: permute.n=0.")
    tabled = [result.clusters for result in shown if len(result.clusters)]
    if tabled and all(rows["lesion_overlap"].isna().all() for rows in tabled):
        notes.append("No share in lesions: nobody in the contrast has a lesion mask.")
    return notes
