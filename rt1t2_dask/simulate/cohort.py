"""Participants of the simulated study, and their planted effects."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from rt1t2_dask.simulate.effects import Effect, move_inside
from rt1t2_dask.simulate.head import HeadModel
from rt1t2_dask.simulate.person import SimulatedPerson, simulate_person
from rt1t2_dask.simulate.scanner import COMMON, Scanner

# Centres: peaks of van Grinsven et al. 2025 (METHODS 5). That paper gives no effect size: radii
# and change are ours, as are the mirrored thalamus and the caudate's centre, which the paper
# reports as parts of the second cluster.
_CHANGE = -0.25
PAPER_EFFECTS: tuple[Effect, ...] = (
    Effect("cervicomedullary_junction", (-3.0, -47.0, -57.0), 9.0, _CHANGE),
    Effect("thalamus_caudate", (-10.0, -20.0, 14.0), 10.0, _CHANGE),
    Effect("thalamus_caudate", (10.0, -20.0, 14.0), 10.0, _CHANGE),
    Effect("thalamus_caudate", (-13.0, 8.0, 12.0), 8.0, _CHANGE),
    Effect("cuneus", (3.0, -100.0, 5.0), 11.0, _CHANGE),
    Effect("superior_frontal_gyrus_left", (-28.0, -4.0, 71.0), 11.0, _CHANGE),
)
_DEPTH_MM = 6.0
_MAX_LESIONS = 2
_AGE_RANGE = (18.0, 95.0)


@dataclass(frozen=True)
class GroupSpec:
    """One group of people.

    Parameters
    ----------
    prefix : str
        Prefix of the participant IDs: PSP gives sub-PSP01.
    n : int
        Number of people.
    age_mean, age_sd : float
        Years.
    n_male : int
        Number of males.
    effects : bool
        Whether `PAPER_EFFECTS` are planted.
    lesions : bool
        Whether each has one or two small strokes.
    atrophy_mm : float
        How far the walls of the ventricles lie further out, 0 to 1, with wider sulci.
    """

    prefix: str
    n: int
    age_mean: float
    age_sd: float
    n_male: int
    effects: bool = False
    lesions: bool = False
    atrophy_mm: float = 0.0


PAPER_GROUPS: Mapping[str, GroupSpec] = {
    "PSP": GroupSpec("PSP", 11, 64.3, 12.5, 4, effects=True, lesions=True),
    "PSPS2": GroupSpec("PSPS", 15, 57.9, 9.7, 8),
    "HC": GroupSpec("HC", 18, 60.5, 13.0, 9),
}


def people(groups: Mapping[str, GroupSpec], seed: int) -> pd.DataFrame:
    """List the participants.

    Parameters
    ----------
    groups : mapping of str to GroupSpec
        By name in the column ``group``.
    seed : int
        Seed of the study.

    Returns
    -------
    DataFrame
        participant_id, group, age (years, normal, one decimal), sex (M or F). A row depends
        only on the seed, the participant's id and the group's own specification.
    """
    rows = [
        (participant_id, group, _age(spec, seed, participant_id), _sex(spec, index))
        for group, spec in groups.items()
        for index, participant_id in enumerate(participant_ids(spec))
    ]
    return pd.DataFrame(rows, columns=["participant_id", "group", "age", "sex"])


def participant_ids(spec: GroupSpec) -> list[str]:
    """Return the ids of a group, sub-PSP01 and so on."""
    return [f"sub-{spec.prefix}{index + 1:02d}" for index in range(spec.n)]


def person_seed(seed: int, participant_id: str) -> tuple[int, ...]:
    """Return the entropy of one person, from the study's seed and the ID alone (SHA-256)."""
    digest = hashlib.sha256(participant_id.encode()).digest()
    return (seed, *(int.from_bytes(digest[i : i + 4], "little") for i in range(0, 16, 4)))


def paper_effects(head: HeadModel) -> tuple[Effect, ...]:
    """Return `PAPER_EFFECTS` with every centre at least 6 mm inside the template's brain."""
    return move_inside(PAPER_EFFECTS, head, _DEPTH_MM)


def simulate_participant(
    head: HeadModel,
    participant_id: str,
    spec: GroupSpec,
    *,
    seed: int,
    voxel_mm: float,
    effects: Sequence[Effect],
    scanner: Scanner = COMMON,
    slice_mm: float | None = None,
    session: str = "",
) -> SimulatedPerson:
    """Simulate one participant of a group.

    Parameters
    ----------
    head : HeadModel
        From `build_head`.
    participant_id : str
        As in `people`.
    spec : GroupSpec
        Whether this person has the effects and lesions.
    seed : int
        Seed of the study.
    voxel_mm : float
        Voxel size of both scans, mm; in plane where `slice_mm` is given.
    effects : sequence of Effect
        From `paper_effects`; lesions avoid them whether planted or not.
    scanner : Scanner
        Of the site.
    slice_mm : float, optional
        Thickness of 2-D slices; None is isotropic voxels.
    session : str
        Label of one of several sessions; empty for the only one.
    """
    entropy = person_seed(seed, participant_id)
    rng = _person_rng(seed, participant_id)
    n_lesions = int(rng.integers(1, _MAX_LESIONS + 1)) if spec.lesions else 0
    return simulate_person(
        head,
        seed=entropy,
        voxel_mm=voxel_mm,
        effects=effects if spec.effects else (),
        n_lesions=n_lesions,
        keep_clear=effects,
        scanner=scanner,
        slice_mm=slice_mm,
        session=session,
        atrophy_mm=spec.atrophy_mm,
    )


def _person_rng(seed: int, participant_id: str) -> np.random.Generator:
    entropy = person_seed(seed, participant_id)
    return np.random.default_rng(np.random.SeedSequence(entropy, spawn_key=(100,)))


def _age(spec: GroupSpec, seed: int, participant_id: str) -> float:
    entropy = person_seed(seed, participant_id)
    rng = np.random.default_rng(np.random.SeedSequence(entropy, spawn_key=(101,)))
    return round(float(np.clip(rng.normal(spec.age_mean, spec.age_sd), *_AGE_RANGE)), 1)


def _sex(spec: GroupSpec, index: int) -> str:
    """Distribute males evenly over the group."""
    men_before, men_after = (i * spec.n_male // spec.n for i in (index, index + 1))
    return "M" if men_after > men_before else "F"
