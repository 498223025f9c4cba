"""What the report says about columns of the receptor table, and why cells of it are n/a."""

from __future__ import annotations

import pandas as pd

from rt1t2_dask.config.study import Config


def spatial_note(config: Config) -> str:
    """Say what the two p are of, and which of them decides."""
    if config.receptors.spatial == "none":
        return (
            "p_spatial is n/a: receptors.spatial=none, and with it q_conjunction; headline and "
            "stars go by q_fdr."
        )
    return (
        f"p_spatial compares each map with surrogates of its own spatial structure "
        f"({config.receptors.spatial}, hemispheres alike, structures apart); p_permutation "
        "exchanges patients and controls. They answer different questions: headline and stars go "
        "by q_conjunction, the q of the larger of both p; q_fdr belongs to p_permutation."
    )


def own_maps_note(config: Config) -> list[str]:
    """Say in which space the user's own maps lie, where it is not that of the people's maps."""
    chosen, space = config.receptors.maps, config.receptors.space
    own = [name for name in chosen if ".nii" in name] if not isinstance(chosen, str) else []
    if not (own or config.receptors.gm_prior) or space == config.space:
        return []
    said = f"lie in {space} (receptors.space)" if space else "name no space (receptors.space=null)"
    return [
        f"The run's own receptor maps {said}, people's maps in {config.space}: regions are "
        "compared millimetre by millimetre, without a transform."
    ]


def custom_atlas_note(config: Config) -> list[str]:
    """Say which tables have the user's regions, where there are any."""
    if config.receptors.atlas is None:
        return []
    return [
        f"The receptor analysis used the regions of receptors.atlas ({config.receptors.atlas.image}"
        "), which its spatial null takes as one structure; group/parcels.tsv and the contrasts "
        "have those of Neuromorphometrics."
    ]


def missing_receptors(receptors: pd.DataFrame) -> list[str]:
    """Say why cells are n/a that depend on the data at hand."""
    notes = []
    empty = receptors["mean_fisher_z"].isna()
    if empty.any():
        names = ", ".join(receptors.loc[empty, "map"].drop_duplicates())
        notes.append(
            f"Receptor maps without a correlation: {names}. A map needs at least 4 regions with "
            "values that differ; the other maps are tested as if it were not there."
        )
    tested = receptors[~empty]
    if tested["ci_low"].isna().any():
        notes.append(
            "ci_low and ci_high are n/a for fewer than 5 patients or controls, for options with "
            "one row a group, and where too few controls are left for the covariates without one."
        )
    if tested["p_permutation"].isna().any():
        notes.append(
            "p_permutation and q_fdr are n/a: receptors.n_permutations=0, or an option that reads "
            "no controls."
        )
    return notes
