"""Simulated genes for simulated people: which files, and when they stand in for a real table."""

from __future__ import annotations

from collections.abc import Iterator

from rt1t2_dask import assets
from rt1t2_dask.config.morphometry import SIMULATED_EXPRESSION
from rt1t2_dask.config.study import Config
from rt1t2_dask.morphometry.regions import desikan_names, sphere_centroids
from rt1t2_dask.pipelines.transcriptome.compute import EXPRESSION
from rt1t2_dask.simulate import expression as simulate
from rt1t2_dask.simulate.regions import planted_change

FOLDER = "SIMULATED_genes"
TABLE, TRUTH = f"{FOLDER}/expression.csv", f"{FOLDER}/planted.tsv"
SETS = (f"{FOLDER}/gene_sets.gmt", f"{FOLDER}/cell_classes.gmt")
DISORDER, DISORDER_FILE = "simulatedDisorder", f"{FOLDER}/other_disorder.tsv"


def settled(config: Config) -> Config:
    """Return the configuration, which says ``simulated`` where simulated genes are to be used.

    They are where the people are simulated and no real table is named or found. The map of another
    disorder, simulated with them, is then compared as the user's maps are.
    """
    rules = config.transcriptome
    open_to_it = rules.expression is None and rules.gene_sets is None and rules.n_spins > 0
    wanted = open_to_it and config.source.simulated and assets.find(EXPRESSION) is None
    if not (rules.simulated or wanted):
        return config
    maps = {DISORDER: DISORDER_FILE, **config.similarity.maps}
    return config.model_copy(
        update={
            "transcriptome": rules.model_copy(update={"expression": SIMULATED_EXPRESSION}),
            "similarity": config.similarity.model_copy(update={"maps": maps}),
        }
    )


def gene_files(seed: int) -> Iterator[tuple[str, bytes]]:
    """Simulate every file of genes: path below the tables, content."""
    names = desikan_names()
    places = sphere_centroids(names)
    assert places is not None
    change = planted_change(names, places, seed)
    found = simulate.simulate_genes(dict(zip(names, change.tolist(), strict=True)), seed)
    yield f"{FOLDER}/README.md", _README
    yield TABLE, simulate.expression_table(found)
    yield TRUTH, simulate.truth_table(found)
    yield from zip(SETS, map(simulate.gene_sets, (found.sets, found.classes)), strict=True)
    yield DISORDER_FILE, simulate.map_table(found.disorder)


def note() -> str:
    """Return a note that says what is simulated, and how to bring a real table."""
    return (
        f"SIMULATED genes: gene expression, gene sets, cell classes and the map {DISORDER} are "
        "made from the seed. Bring a table with transcriptome.expression=FILE, or put "
        "ahba_dk83_expression.csv.gz (Allen Human Brain Atlas) into a folder named in RT1T2_ASSETS."
    )


_README = b"""# SIMULATED gene expression, no real gene

Computed by rt1t2_dask from a seed. planted.tsv lists the genes that were made to follow the
change planted in the simulated patients (SIMUP rise, SIMDOWN fall with it); the other disorder's
map was made to resemble that change. Nothing here says anything of a gene, a cell or a disease.
"""
