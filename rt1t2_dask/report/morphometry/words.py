"""What the report of regional tables says of its methods and limits."""

from __future__ import annotations

from rt1t2_dask.report.morphometry.content import SIMILARITY, MorphometryContent

SPINS = {
    "nearest": "each region takes the value of the nearest rotated one; Alexander-Bloch et al. "
    "2018",
    "vasa": "each value is used once; Vasa et al. 2018: over 34 regions too lenient, see Limits",
}
PAPER = (
    "Martins et al. (2021) found small to medium increases of similarity in the insula and limbic "
    "cortex of people with chronic pain; none of them survived correction for false discoveries."
)
LIMITS = (
    PAPER,
    "Genes are those of six donors without chronic pain, left hemisphere: a map that "
    "resembles a gene's expression says nothing about that gene in any patient.",
    "Subcortex is not tested: seven nuclei cannot be turned on a sphere, so there is no spatial "
    "null for them, and their expression differs from the cortex far more than regions of the "
    "cortex differ among themselves; what includes them is description only.",
    "Spins of 34 regions are few places to turn: p is approximate. Over random smooth maps that "
    "have nothing to do with expression, PLS gave p <= .05 in 2 to 5 % of maps under spins "
    "that take the nearest region's value (the default), in 5 to 16 % where each value is used "
    "once (transcriptome.spins=vasa), in 25 % under shuffles of regions; "
    "gene sets did in 4.5 % under spins and in 36 % under shuffles of genes. Shuffles ignore space "
    "and are never used.",
    "A receptor's density need not follow its gene: of six PET maps, serotonin 1A, dopamine D2 and "
    "both opioid receptors find their own gene among the first 5 %; CB1 and mGluR5 do not.",
)


def _network_methods(content: MorphometryContent) -> str:
    return (
        f"Morphometric similarity (Seidlitz et al. 2018): {len(content.features)} features "
        f"({', '.join(content.features)}) of {len(content.regions)} regions were standardised over "
        "regions within each person (ddof 1) and correlated between regions (Pearson); regional "
        "similarity is the mean with all others."
    )


def methods(content: MorphometryContent) -> list[str]:
    """Describe what was done, in sentences."""
    rules = content.settings["transcriptome"]
    said = [_network_methods(content)] if content.networks else []
    said.append(
        "Each region was tested with ordinary least squares on the design of the cohort file; "
        "two-sided p, Benjamini-Hochberg over regions; family-wise p by the largest |t| of "
        f"{content.settings['permute']['n']:,} permutations "
        f"({content.settings['permute']['method']}); effect sizes with their 95 % intervals."
    )
    if content.across:
        said.append("Cohorts were combined by mean t, Fisher's and Stouffer's methods.")
    if content.tested:
        said.append(
            f"Maps of the left cortex were related to gene expression by partial least squares "
            f"(SIMPLS), variance explained tested against {rules['n_spins']:,} spins of the map on "
            f"the sphere ({SPINS[rules['spins']]}); gene Z by {rules['n_bootstraps']:,} resamples "
            "of regions, signs aligned; Spearman's rho of each gene; gene sets by running sum and "
            "median rank, both under the same spins. p is (count + 1) / (spins + 1)."
        )
    if any(c.measure != SIMILARITY for c in content.contrasts):
        said.append("Single features were tested in the same way, in their own units.")
    return said
