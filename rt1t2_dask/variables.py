"""Every array of the lake: name, dimensions, dtype, units and meaning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

SPACE = ("z", "y", "x")
T2W_SPACE = ("z_t2w", "y_t2w", "x_t2w")
SOURCE_SPACE = ("z_source", "y_source", "x_source")
T1W_SPACE = ("z_t1w", "y_t1w", "x_t1w")
VOXEL = ("voxel",)
VERTEX = ("vertex",)
SURFACE_NULLS = {
    "": "the largest statistic",
    "_extent": "cluster area",
    "_mass": "cluster mass",
    "_tfce": "TFCE",
}


@dataclass(frozen=True)
class Variable:
    """Description of an array.

    Parameters
    ----------
    dims : tuple of str
        Names of the dimensions, slowest first.
    units : str
        ``1`` for dimensionless, ``arbitrary`` for scanner units.
    doc : str
        Meaning of a value.
    """

    dims: tuple[str, ...]
    units: str
    doc: str


VARIABLES = {
    "t1w": Variable(SPACE, "arbitrary", "T1-weighted image"),
    "t1w_source": Variable(SOURCE_SPACE, "arbitrary", "T1-weighted image before resampling"),
    "t2w": Variable(T2W_SPACE, "arbitrary", "T2-weighted image on its own grid"),
    "lesion": Variable(SPACE, "1", "1 inside a lesion, on the T1w grid"),
    "grey": Variable(SPACE, "1", "probability of grey matter, template"),
    "white": Variable(SPACE, "1", "probability of white matter, template"),
    "csf_share": Variable(SPACE, "1", "precomputed probability of CSF, on the T1w grid"),
    "grey_share": Variable(SPACE, "1", "precomputed probability of grey matter"),
    "white_share": Variable(SPACE, "1", "precomputed probability of white matter"),
    "brain_mask": Variable(SPACE, "1", "1 inside the precomputed brain mask, on the T1w grid"),
    "rigid": Variable(("row", "column"), "mm", "T1w mm to T2w mm, RAS, homogeneous"),
    "t1w_corrected": Variable(SPACE, "arbitrary", "bias-corrected T1w"),
    "t1w_source_corrected": Variable(
        SOURCE_SPACE, "arbitrary", "bias-corrected T1w before resampling"
    ),
    "t2w_corrected": Variable(T2W_SPACE, "arbitrary", "bias-corrected T2w"),
    "brain": Variable(SPACE, "1", "1 inside the brain, on the T1w grid"),
    "head_affine": Variable(("row", "column"), "mm", "template mm to subject mm, whole head"),
    "affine": Variable(("row", "column"), "mm", "template mm to subject mm, homogeneous"),
    "displacement": Variable(
        (*SPACE, "component"), "mm", "deformation field: added to template mm before the affine"
    ),
    "tissue": Variable(SPACE, "1", "1 grey matter, 2 white matter, 3 CSF, 7 lesion, 0 outside"),
    "class_quantiles": Variable(
        ("contrast", "class", "quantile"), "arbitrary", "intensity of tissue outside the brain"
    ),
    "class_voxels": Variable(("class",), "1", "voxels of each tissue class"),
    "brain_quantiles": Variable(("contrast", "percentile"), "arbitrary", "intensity of the brain"),
    "white_stripe": Variable(
        ("contrast", "moment"), "arbitrary", "mean and standard deviation over the white stripe"
    ),
    "t1w_knots": Variable(("knot", "side"), "arbitrary", "intensity map of the T1w: from, to"),
    "t2w_knots": Variable(("knot_t2w", "side"), "arbitrary", "intensity map of the T2w: from, to"),
    "ratio": Variable(SPACE, "1", "calibrated T1w/T2w ratio, NaN where not measured"),
    "ratio_t1w": Variable(T1W_SPACE, "1", "the same on the T1w grid"),
    "lesion_template": Variable(SPACE, "1", "1 inside a lesion, in template space"),
    "score_rho": Variable(("map",), "1", "Spearman correlation of a score with colocalisation"),
    "score_p": Variable(("map",), "1", "its permutation p"),
    "score_p_fwe": Variable(("map",), "1", "p of the largest |rho| of all maps"),
    "absence_p": Variable(SPACE, "1", "-log10 p that the effect is within the bounds in percent"),
    "absence_p_g": Variable(SPACE, "1", "-log10 p that it is within the bounds in SD"),
    "absence_bf10": Variable(SPACE, "1", "log10 of the Bayes factor for an effect"),
    "transmit_template": Variable(SPACE, "1", "transmit field over its nominal value"),
    "transmit_t1w": Variable(T1W_SPACE, "1", "the same on the T1w grid"),
    "transmit_difference": Variable(("pair",), "1", "log ratio, right minus left"),
    "transmit_field": Variable(("pair",), "1", "transmit field at the right voxel"),
    "transmit_across": Variable(("pair",), "1", "transmit field at the left voxel"),
    "reliability_icc": Variable(SPACE, "1", "ICC(3,1) of people's sessions"),
    "reliability_within_sd": Variable(SPACE, "1", "standard deviation of a person's sessions"),
    "small_volume_fwe": Variable(
        SPACE, "1", "-log10 p, two-sided, family-wise over the voxels of a set of regions"
    ),
    "absence_fwe": Variable(
        SPACE, "1", "-log10 family-wise p that the effect is beyond a bound, or within both"
    ),
    "grey_template": Variable(SPACE, "1", "share of grey matter, in template space"),
    "white_template": Variable(SPACE, "1", "share of white matter, in template space"),
    "smoothed_share": Variable(
        SPACE, "1", "smoothed share of grey matter, or of tissue; NaN where not measured"
    ),
    "smoothed": Variable(SPACE, "1", "smoothed T1w/T2w ratio, NaN where not measured"),
    "gain_log": Variable(("scan",), "1", "subtracted from the log ratio; 0: nothing corrected"),
    "gain_anchor": Variable(("scan",), "1", "log T1w/T2w of CSF relative to its protocol's mean"),
    "gain_apart": Variable(("scan",), "1", "range of the gains from CSF, muscle and eyes"),
    "gain_flagged": Variable(("scan",), "1", "1 where these disagree (another sequence?)"),
    "gain_protocol": Variable(("scan",), "1", "number of the protocol, from 0"),
    "gain_log_ratio": Variable(("scan",), "1", "mean log ratio of white and grey matter, raw"),
    "gain_fluid": Variable(("scan",), "1", "median log T1w/T2w of CSF"),
    "parcels": Variable(("region",), "1", "mean smoothed ratio over a region"),
    "coverage": Variable(("region",), "1", "fraction of a region's voxels measured"),
    "region_voxels": Variable(("region",), "1", "voxels of a region on the grid of the maps"),
    "region": Variable(("region",), "1", "label value in the Neuromorphometrics atlas"),
    "stat_t": Variable(SPACE, "1", "t of the contrast, positive: first group higher; or F"),
    "stat_se": Variable(SPACE, "1", "standard error of the effect"),
    "stat_sd": Variable(SPACE, "1", "residual standard deviation of the ratio"),
    "stat_mde": Variable(SPACE, "%", "minimum detectable effect, % of the mean of the reference"),
    "stat_mde_effect": Variable(SPACE, "1", "minimum detectable effect, unit of the maps"),
    "stat_mde_eta2": Variable(SPACE, "1", "minimum detectable partial eta squared of F"),
    "stat_mean": Variable(SPACE, "1", "mean ratio of the reference group, else of all people"),
    "stat_z": Variable(SPACE, "1", "z of the contrast"),
    "stat_effect": Variable(SPACE, "1", "difference of adjusted group means of the ratio"),
    "stat_d": Variable(SPACE, "1", "Hedges' g"),
    "stat_explained": Variable(SPACE, "1", "partial explained variance of the contrast"),
    "stat_dof": Variable(SPACE, "1", "residual degrees of freedom"),
    "stat_n": Variable(SPACE, "1", "subjects measured"),
    "stat_q": Variable(SPACE, "1", "Cochran's Q of the sites' effects"),
    "stat_i2": Variable(SPACE, "1", "I^2: fraction of Q beyond its expectation"),
    "stat_tau2": Variable(SPACE, "1", "variance of the effect between sites"),
    "stat_sites": Variable(SPACE, "1", "sites with an effect"),
    "stat_least": Variable(SPACE, "1", "leave-one-site-out z nearest to zero, or of opposite sign"),
    "site_share_before": Variable(SPACE, "1", "variance explained by site, raw"),
    "site_share_after": Variable(SPACE, "1", "variance explained by site, harmonised"),
    "site_span_before": Variable(SPACE, "1", "range of site means, raw"),
    "site_span_after": Variable(SPACE, "1", "range of site means, harmonised"),
    "combat_mean": Variable(("row_mean", *SPACE), "1", "mean of the model over sites"),
    "combat_slopes": Variable(("row_slopes", *SPACE), "1", "slope on each preserved covariate"),
    "combat_deviation": Variable(("row_deviation", *SPACE), "1", "residual standard deviation"),
    "combat_gamma": Variable(("row_gamma", *SPACE), "1", "location of each site, in residual SD"),
    "combat_delta": Variable(
        ("row_delta", *SPACE), "1", "scale of each site, in residual variances"
    ),
    "share_inside": Variable(SPACE, "1", "1 at the voxels of the sums, in the order of (x, y, z)"),
    "share_grams": Variable(
        ("cell", "column", "other_column"),
        "1",
        "X'X of each cell of people; [0, 0] is their number",
    ),
    "share_present": Variable(
        ("cell", "voxel"), "1", "1 where all people of the cell are measured, and summed"
    ),
    "sums_inside": Variable(SPACE, "1", "1 in the voxels of the sums"),
    "sums_grams": Variable(
        ("set", "column", "column_2"), "1", "X'X of each set of people present at some voxel"
    ),
    "sums_counts": Variable(("set",), "1", "people of the set"),
    "sums_group": Variable(("set",), "1", "group of the set"),
    "sums_set": Variable(("group", "voxel"), "1", "set present, among its group's; -1 for none"),
    "sums_cross": Variable(("group", "column", "voxel"), "1", "X'Y of the people present"),
    "sums_squares": Variable(("group", "voxel"), "1", "Y'Y of the people present"),
    "sums_baseline": Variable(
        ("part", "voxel"), "1", "sum and number of the values whose mean effects are a share of"
    ),
    "sampled_gram": Variable(("column", "column_2"), "1", "X'X of the rows sampled for smoothness"),
    "sampled_cross": Variable(("column", "voxel"), "1", "X'Y of these rows"),
    "sampled_squares": Variable(("voxel",), "1", "Y'Y of these rows"),
    "sampled_products": Variable(
        ("pair", "voxel"), "1", "products of neighbours (here, the next along x, y, z) of these"
    ),
    "block_index": Variable(VOXEL, "1", "place among the voxels of the mask"),
    "block_maps": Variable(("map", "voxel"), "1", "statistics of the block's voxels"),
    "block_mean": Variable(VOXEL, "1", "mean that effects are a share of"),
    "block_complete": Variable(VOXEL, "1", "1 where everybody was measured"),
    "block_estimates": Variable(("column", "voxel"), "1", "estimates in an orthonormal basis"),
    "block_slopes": Variable(("covariate", "voxel"), "1", "slopes on covariates of the voxels"),
    "block_deviation": Variable(VOXEL, "1", "residual standard deviation where all were measured"),
    "block_covariance": Variable(
        ("row", "row_2"), "1", "products of the rows' residuals, summed over voxels, times 2^40"
    ),
    "left_out_index": Variable(VOXEL, "1", "place among the voxels of the mask"),
    "left_out_t": Variable(("person", "voxel"), "1", "modified t against the others"),
    "left_out_dof": Variable(("person", "voxel"), "1", "its degrees of freedom"),
    "left_out_difference": Variable(
        ("person", "voxel"), "1", "value minus the one expected from the others"
    ),
    "left_out_expected": Variable(("person", "voxel"), "1", "value expected from the others"),
    "left_out_extremes": Variable(
        ("set", "row", "side"), "1", "largest and smallest z of everybody against the others"
    ),
    "deviation_t": Variable(SPACE, "1", "modified t of one person, positive: above the controls"),
    "deviation_dof": Variable(SPACE, "1", "degrees of freedom of the modified t"),
    "deviation_percent": Variable(SPACE, "%", "difference from what the controls lead to expect"),
    "deviation_fwe": Variable(SPACE, "1", "-log10 p, family-wise error, two-sided"),
    "copied": Variable(("voxel", "row"), "1", "maps of a run of rows, by voxel"),
    "copied_place": Variable(VOXEL, "1", "place of each voxel in the flattened (z, y, x) volume"),
    "cluster_means": Variable(("row", "cluster"), "1", "mean of each cluster, by row"),
    "share_cross": Variable(("group", "column", "voxel"), "1", "X'Y over a group's present cells"),
    "share_squares": Variable(("group", "voxel"), "1", "Y'Y over a group's present cells"),
    "share_differences": Variable(
        ("group", "pair", "voxel"),
        "1",
        "squared differences of neighbours (of here and the next along x, y, z), over a group",
    ),
    "share_pattern_people": Variable(
        ("pattern", "byte"), "1", "who is measured together at some voxel, one bit a person"
    ),
    "share_pattern_voxels": Variable(("pattern",), "1", "voxels where just these are measured"),
    "share_run_differences": Variable(
        ("pair", "voxel"), "1", "squared differences of neighbours, over some people of a group"
    ),
    "share_region_present": Variable(("cell", "region"), "1", "the same for regional means"),
    "share_region_cross": Variable(("group", "column", "region"), "1", "X'Y of regional means"),
    "share_region_squares": Variable(("group", "region"), "1", "Y'Y of regional means"),
    "clusters": Variable(SPACE, "1", "number of the cluster in the table, 0 outside"),
    "ordered_t": Variable(SPACE, "1", "smallest t of neighbouring groups, 0 where signs differ"),
    "ordered_fwe": Variable(SPACE, "1", "-log10 of the neighbours' largest p, max |t|"),
    "ordered_fwe_tfce": Variable(SPACE, "1", "-log10 of the neighbours' largest p, TFCE"),
    "ordered_fwe_extent": Variable(SPACE, "1", "-log10 of the neighbours' largest p, extent"),
    "left_out_means": Variable(
        ("left_out", "direction", "row"), "1", "mean over the clusters found without one person"
    ),
    "left_out_clusters": Variable(("left_out", "direction"), "1", "number of these clusters"),
    "left_out_mm3": Variable(("left_out", "direction"), "mm^3", "their volume"),
    "fwe": Variable(SPACE, "1", "-log10 p, family-wise error by permutation, two-sided max |t|"),
    "fwe_tfce": Variable(SPACE, "1", "-log10 p, family-wise error by permutation, TFCE"),
    "null_extent": Variable(("permutation",), "1", "largest cluster of each relabeling, voxels"),
    "null_mass": Variable(("permutation",), "1", "largest cluster mass of each relabeling"),
    "null_tfce": Variable(("permutation",), "1", "largest |TFCE| of each relabeling"),
    "enhanced": Variable(SPACE, "1", "TFCE of the contrast, negative where t is"),
    "exceedances": Variable(SPACE, "1", "relabelings with |t| at least the observed"),
    "null_positive": Variable(("permutation",), "1", "largest z of each relabeling"),
    "null_negative": Variable(("permutation",), "1", "largest -z of each relabeling"),
    "fisher_z": Variable(("person", "map"), "1", "Fisher z of rho, one patient and one map"),
    "rho": Variable(("person", "map"), "1", "partial Spearman correlation given grey matter"),
    "mean_rho": Variable(("map",), "1", "mean rho over patients"),
    "mean_fisher_z": Variable(("map",), "1", "mean Fisher z over patients"),
    "p_permutation": Variable(("map",), "1", "two-sided p by permuting patients and controls"),
    "p_spatial": Variable(("map",), "1", "two-sided p against surrogates of each map"),
    "p_fwe": Variable(("map",), "1", "the same, corrected over maps by the largest statistic"),
    "ci_low": Variable(("map",), "1", "lower end of the 95 % interval of the mean Fisher z"),
    "ci_high": Variable(("map",), "1", "upper end of the 95 % interval of the mean Fisher z"),
    "n_regions": Variable(("map",), "1", "regions used, the fewest in any patient"),
    "pet": Variable(("map", "region"), "arbitrary", "mean of a receptor map over a region"),
    "change": Variable(
        ("region",), "1", "mean over patients of the values correlated with the maps"
    ),
    "change_left": Variable(("map", "region"), "1", "rank (value) of change, given the covariates"),
    "map_left": Variable(("map", "region"), "1", "rank (value) of the map, given the covariates"),
    "variogram": Variable(
        ("map", "curve", "bin"), "1", "of the map; mean, 2.5 % and 97.5 % of its surrogates"
    ),
    "variogram_mm": Variable(("map", "bin"), "mm", "distance between regions"),
    "variogram_error": Variable(("map",), "1", "relative error of the surrogates' mean variogram"),
    "region_mm": Variable(("region", "axis"), "mm", "centre of a region"),
    "gm_prior": Variable(("region",), "1", "mean grey-matter probability of a region"),
    "p_each": Variable(("person", "map"), "1", "p_spatial of one patient alone"),
    "influence": Variable(("region", "map"), "1", "mean Fisher z without the region, minus with"),
    "dominance": Variable(
        ("map",), "1", "total dominance: contribution to R^2 of the multiple regression on all maps"
    ),
    "dominance_p": Variable(("map",), "1", "one-sided p of the dominance under relabelings"),
    "dominance_p_fwe": Variable(("map",), "1", "the same against the largest over maps"),
    "moran": Variable(("person",), "1", "Moran's I of a person's regional deviations"),
    "effect_sd": Variable(("effect",), "1", "simulated change, control SD for one SD of a map"),
    "power": Variable(("effect", "map"), "1", "fraction of simulated studies with p < .05"),
    "power_fisher_z": Variable(("effect", "map"), "1", "mean Fisher z of simulated studies"),
    "features": Variable(("person", "region", "feature"), "as in FreeSurfer", "regional feature"),
    "similarity": Variable(
        ("person", "region", "other_region"), "1", "correlation of two regions' feature profiles"
    ),
    "regional_similarity": Variable(("person", "region"), "1", "mean similarity with all others"),
    "global_similarity": Variable(("person",), "1", "mean of regional similarity"),
    "mean_similarity": Variable(("region", "other_region"), "1", "mean similarity over people"),
    "region_t": Variable(("region",), "1", "t of the contrast, positive: first group higher"),
    "region_dof": Variable(("region",), "1", "residual degrees of freedom"),
    "expression": Variable(("expressed_region", "gene"), "arbitrary", "expression of a gene"),
    "tested_map": Variable(
        ("region", "tested_map"), "1", "maps for gene expression, z over regions"
    ),
    "pls_weight": Variable(("gene", "component"), "1", "weight of the gene in the PLS component"),
    "pls_z": Variable(("gene", "component"), "1", "weight over its bootstrap standard deviation"),
    "pls_score": Variable(("region", "component"), "1", "region's score, unit norm"),
    "pls_explained": Variable(("component",), "1", "explained variance of the maps"),
    "pls_null": Variable(("spin", "component"), "1", "explained variance of every spun map"),
    "gene_rho": Variable(("gene",), "1", "Spearman's rho of the map with the gene"),
    "gene_p": Variable(("gene",), "1", "two-sided p under spins"),
    "gene_p_fwe": Variable(("gene",), "1", "two-sided p under spins, family-wise over genes"),
    "null_fisher_z": Variable(("permutation", "map"), "1", "mean Fisher z of each relabeling"),
    "surface_ratio": Variable(VERTEX, "1", "T1w/T2w ratio between white and pial surface"),
    "surface_thickness": Variable(VERTEX, "mm", "distance of white and pial surface"),
    "surface_depths": Variable(("depth", "vertex"), "1", "T1w/T2w ratio at depths of the cortex"),
    "surface_smoothed": Variable(VERTEX, "1", "surface_ratio, smoothed along the cortex"),
    "surface_t": Variable(VERTEX, "1", "t, or F of several regressors, of a contrast"),
    "surface_z": Variable(VERTEX, "1", "normal deviate of equal p"),
    "surface_effect": Variable(VERTEX, "as the scale of the contrast", "effect of a contrast"),
    "surface_hedges_g": Variable(VERTEX, "1", "standardised effect of a contrast"),
    "surface_n": Variable(VERTEX, "1", "people measured"),
    "surface_dof": Variable(VERTEX, "1", "residual degrees of freedom"),
    "surface_se": Variable(VERTEX, "as the scale of the contrast", "standard error of the effect"),
    "surface_sd": Variable(VERTEX, "as the scale of the contrast", "residual standard deviation"),
    "surface_explained": Variable(VERTEX, "1", "partial r, or partial eta squared"),
    "surface_clusters": Variable(VERTEX, "1", "number of the cluster, 0 for none"),
    **{
        f"surface_p_fwe{name}": Variable(VERTEX, "1", f"-log10 family-wise p, by {words}")
        for name, words in SURFACE_NULLS.items()
    },
    **{
        f"surface_null_{name.lstrip('_') or 'max_t'}": Variable(
            ("relabeling",), "1", f"largest of each relabeling: {words}"
        )
        for name, words in SURFACE_NULLS.items()
    },
}


def dimensions(name: str) -> tuple[str, ...]:
    """Return the dimensions of a registered array, slowest first."""
    return VARIABLES[name].dims


def attributes(name: str) -> dict[str, Any]:
    """Return the attributes every array of this name carries in the lake."""
    variable = VARIABLES[name]
    return {"units": variable.units, "doc": variable.doc}
