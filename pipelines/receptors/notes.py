"""Notes on the columns of the receptor table, and on n/a cells."""

from __future__ import annotations

import pandas as pd

from rt1t2_dask.config.study import Config


def spatial_note(config: Config) -> str:
    """Explain the two p values, and which decides."""
    if config.receptors.spatial == "none":
        return (
            "The spatial null was not run (receptors.spatial=none): headline and stars use q of "
            "the label permutation."
        )
    return (
        "The spatial null compares each map with surrogates of its spatial autocorrelation "
        f"({config.receptors.spatial}, hemispheres correlated, by structure); label permutation "
        "exchanges patients and controls. They answer different questions: headline and stars "
        "use q of the larger of the two p."
    )


def custom_maps_note(config: Config) -> list[str]:
    """Note the space of custom maps, if it differs from that of the people's maps."""
    chosen, space = config.receptors.maps, config.receptors.space
    own = [name for name in chosen if ".nii" in name] if not isinstance(chosen, str) else []
    if not (own or config.receptors.gm_prior) or space == config.space:
        return []
    where = f"are in {space}" if space else "have no space set"
    return [
        f"Custom receptor maps {where} (receptors.space), people's maps are in {config.space}: "
        "regions are matched by coordinates, without a transform."
    ]


def custom_atlas_note(config: Config) -> list[str]:
    """Return a note on the tables with regions of a custom atlas, if there is one."""
    atlas = config.receptors.atlas
    if atlas is None:
        return []
    if isinstance(atlas, str):
        setting, image = f"regions.{atlas}", config.regions[atlas].image
    else:
        setting, image = "receptors.atlas", atlas.image
    return [
        f"The receptor analysis used the regions of {setting} ({image}), which "
        "its spatial null takes as one structure; group/parcels.tsv and the contrasts have those "
        "of Neuromorphometrics."
    ]


def missing_receptors(receptors: pd.DataFrame) -> list[str]:
    """Return notes on cells that are n/a because of the data."""
    notes = []
    empty = receptors["mean_fisher_z"].isna()
    if empty.any():
        names = ", ".join(receptors.loc[empty, "map"].drop_duplicates())
        notes.append(
            f"Receptor maps without a correlation: {names}. A map needs at least 4 regions with "
            f"different values; the other maps are tested without it."
        )
    tested = receptors[~empty]
    if tested["ci_low"].isna().any():
        notes.append(
            "Intervals are n/a for fewer than 5 patients or controls, for options with "
            "one row per group, and where leaving out one control leaves too few for the "
            "covariates."
        )
    if tested["p_permutation"].isna().any():
        notes.append(
            "There is no p by label permutation, and no q of it: receptors.n_permutations=0, or an "
            "option without controls."
        )
    return notes
