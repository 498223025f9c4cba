"""Calibration reference: the shipped head, or a cohort's own controls."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np

from rt1t2_dask.errors import UserError
from rt1t2_dask.ratio.classes import LANDMARK_CLASSES
from rt1t2_dask.ratio.landmarks import CONTRASTS, Landmarks, average

FILE_NAME = "calibration_reference.json"
MIN_PEOPLE = 3


@dataclass(frozen=True, eq=False)
class Reference:
    """The head that people are calibrated to.

    Parameters
    ----------
    landmarks : Landmarks
        As percentages of the median over the brain.
    source : mapping
        Files, checksums, citation and licence, or the number of people.
    """

    landmarks: Landmarks
    source: Mapping[str, Any]


def load_reference() -> Reference:
    """Read the reference that ships with the package."""
    content = json.loads(files("rt1t2_dask").joinpath("data", FILE_NAME).read_text())
    landmarks = Landmarks(
        classes=np.array(
            [[content["quantiles"][c][n] for n in LANDMARK_CLASSES] for c in CONTRASTS]
        ),
        voxels=np.array([content["voxels"][n] for n in LANDMARK_CLASSES]),
        brain=np.array([content["brain"][c] for c in CONTRASTS]),
        stripe=np.array([content["stripe"][c] for c in CONTRASTS]),
    )
    return Reference(landmarks, content["source"])


def of_people(people: Sequence[Landmarks]) -> Reference:
    """Build the reference from a cohort's controls.

    Parameters
    ----------
    people : sequence of Landmarks
        At least `MIN_PEOPLE`.

    Raises
    ------
    UserError
        Too few people.
    """
    check_enough(len(people))
    return Reference(average(people), {"controls": len(people)})


def check_enough(controls: int) -> None:
    """Refuse a reference of too few controls."""
    if controls < MIN_PEOPLE:
        raise UserError(
            f"calibration.reference=controls needs {MIN_PEOPLE} controls, the cohort has "
            f"{controls}; set calibration.reference=icbm."
        )
