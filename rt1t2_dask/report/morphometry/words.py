"""Methods and limitations of the report of regional tables."""

from __future__ import annotations

from rt1t2_dask.report.methods import Methods
from rt1t2_dask.report.morphometry.content import SIMILARITY, MorphometryContent
from rt1t2_dask.report.references import SOFTWARE, Citations

PAPERS = {"nearest": "alexanderbloch2018", "vasa": "vasa2018"}
SPINS = {
    "nearest": "each region takes the value of the nearest rotated region; Alexander-Bloch et al. "
    "2018",
    "vasa": "each value is used once; Vasa et al. 2018: too liberal with 34 regions, see Limits",
}
PAPER = (
    "Martins et al. (2021) found small to medium increases of similarity in the insula and limbic "
    "cortex of people with chronic pain; none survived FDR correction."
)
_DONORS = (
    "Genes are those of six donors without chronic pain, left hemisphere: a map that "
    "resembles a gene's expression says nothing about that gene in any patient."
)
_SIMULATED = (
    "Genes, gene sets, cell classes and the map simulatedDisorder are SIMULATED: what is found of "
    "them was planted or is a false positive, and says nothing about any gene, cell or disorder."
)
_COMMON = (
    "The subcortex is not tested: seven nuclei cannot be spun on a sphere, so they have no "
    "spatial null, and their expression differs from the cortex far more than cortical regions "
    "do from each other; results that include them are descriptive.",
    "With 34 regions, spins are coarse: p is approximate. For random smooth maps unrelated to "
    "expression, PLS gave p <= .05 in 2 to 5 % of maps with nearest-region spins (the default), "
    "in 5 to 16 % where each value is used "
    "once (transcriptome.spins=vasa), in 25 % with shuffled regions; gene sets did in 4.5 % with "
    "spins and in 36 % with shuffled genes. Shuffles ignore spatial autocorrelation and are not "
    "used.",
)
_RECEPTORS = (
    "A receptor's density need not follow its gene: of six PET maps, serotonin 1A, dopamine D2 and "
    "both opioid receptors rank their own gene among the first 5 %; CB1 and mGluR5 do not."
)


def described(content: MorphometryContent) -> Methods:
    """Return methods and limits with their papers, cited by BibTeX keys."""
    cite = Citations(pandoc=True)
    cite(SOFTWARE)
    keys = ["benjamini1995", "martins2021"]
    keys += ["seidlitz2018"] if content.networks else []
    keys += ["freedman1983"] if content.settings["permute"]["method"] == "freedman_lane" else []
    keys += [PAPERS[content.settings["transcriptome"]["spins"]]] if content.tested else []
    texts = tuple(cite.written(text, *keys) for text in methods(content))
    said = tuple(cite.written(text, *keys) for text in limits(content))
    return Methods(texts, said, tuple(cite.listed()))


def limits(content: MorphometryContent) -> list[str]:
    """Return the limits of the study in sentences."""
    if content.simulated_genes:
        return [PAPER, _SIMULATED, *_COMMON]
    return [PAPER, _DONORS, *_COMMON, _RECEPTORS]


def _network_methods(content: MorphometryContent) -> str:
    return (
        f"Morphometric similarity (Seidlitz et al. 2018): {len(content.features)} features "
        f"({', '.join(content.features)}) of {len(content.regions)} regions were standardised over "
        "regions within each person (ddof 1) and correlated between regions (Pearson); regional "
        "similarity is the mean with all others."
    )


def _genes(content: MorphometryContent) -> str:
    if not content.simulated_genes:
        return "gene expression"
    return (
        "SIMULATED gene expression (smooth random patterns; a few genes made to follow the planted "
        "change)"
    )


def methods(content: MorphometryContent) -> list[str]:
    """Describe the methods in sentences."""
    rules, permuted = content.settings["transcriptome"], content.settings["permute"]
    text = [_network_methods(content)] if content.networks else []
    text.append(
        "Each region was tested with ordinary least squares on the design of the cohort file; "
        "two-sided p, Benjamini-Hochberg over regions; family-wise p by the largest |t| of "
        f"{permuted['n']:,} permutations ({permuted['method'].replace('_', '-').title()}); effect "
        "sizes with their 95 % intervals."
    )
    if content.across:
        text.append("Cohorts were combined by mean t, Fisher's and Stouffer's methods.")
    if content.tested:
        text.append(
            f"Maps of the left cortex were related to {_genes(content)} by partial least squares "
            f"(SIMPLS), variance explained tested against {rules['n_spins']:,} spins of the map on "
            f"the sphere ({SPINS[rules['spins']]}); gene Z by {rules['n_bootstraps']:,} resamples "
            "of regions, signs aligned; Spearman's rho of each gene; gene sets by running sum and "
            "median rank, both under the same spins. p is (count + 1) / (spins + 1)."
        )
    if any(c.measure != SIMILARITY for c in content.contrasts):
        text.append("Single features were tested in the same way, in their own units.")
    return text
