"""Covariates that come from everybody's images: brain volume, share of grey matter, quality."""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

import numpy as np
import pandas as pd

from rt1t2_dask.config.image_numbers import IMAGE_NUMBERS
from rt1t2_dask.config.study import Config
from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.images.plan import PersonPlan
from rt1t2_dask.pipelines.people.table import COVARIATE
from rt1t2_dask.pipelines.quality.table import NUMBERS
from rt1t2_dask.storage.parts import Lake

TISSUES = ("grey_ml", "white_ml", "csf_ml")
STAGE_OF = {name: stage for stage, names in NUMBERS.items() for name in names}


def from_images(config: Config, people: pd.DataFrame) -> list[str]:
    """Return the covariates that the participants table lacks and the images have.

    Raises
    ------
    UserError
        The source has maps in place of scans, which have no such numbers.
    """
    names = [name for name in config.cohort.columns if name in IMAGE_NUMBERS]
    lacking = [name for name in names if people[COVARIATE + name].isna().all()]
    if lacking and config.source.ready_made:
        raise UserError(
            f"{', '.join(lacking)}: {config.cohort.participants} has no such column, and numbers "
            f"of the images need scans, which source={config.source.kind} has not; add the column, "
            "or leave it out of the cohort file."
        )
    return lacking


def with_image_numbers(
    lake: Lake, people: pd.DataFrame, plans: Sequence[PersonPlan], names: Sequence[str]
) -> pd.DataFrame:
    """Return the people with the numbers of their images, read from the lake.

    Parameters
    ----------
    people : DataFrame
        A row a person; NaN for those without a plan.
    plans : sequence of PersonPlan
        Of those whose images are whole.
    names : sequence of str
        As `from_images` returns.

    Raises
    ------
    UserError
        The images of this source have no such number.
    """
    found = people.copy()
    place = dict(zip(people["participant_id"], people.index, strict=True))
    for name in names:
        found[COVARIATE + name] = np.nan
        for plan in plans:
            value = _number(lake, plan, name)
            found.loc[place[plan.person.label], COVARIATE + name] = value
    return found


def of_the_table(people: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Return the people without the numbers of their images."""
    return people.drop(columns=[COVARIATE + name for name in names])


def until_known(people: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Return the people with stand-ins for numbers that no image has told yet.

    Designs can then be checked, and their parts counted, before any image is read; the group is
    planned anew from the numbers themselves.
    """
    found = people.copy()
    for name in names:
        rng = np.random.default_rng(crc32(name.encode()))
        found[COVARIATE + name] = rng.normal(100.0, 10.0, len(people))
    return found


def _number(lake: Lake, plan: PersonPlan, name: str) -> float:
    if name == "grey_share":
        volumes = [_number(lake, plan, tissue) for tissue in TISSUES]
        return volumes[0] / sum(volumes)
    if STAGE_OF[name] not in plan.tasks:
        raise UserError(
            f"covariate {name} comes from the images, and those of this source have no such "
            "number; add the column to the participants table, or leave it out of the covariates."
        )
    value = lake.record(plan.part(STAGE_OF[name])).get(name)
    if value is None:
        return 0.0 if name == "lesion_ml" else float("nan")
    return float(value)
