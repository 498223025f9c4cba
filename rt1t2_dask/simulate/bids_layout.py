"""Write a simulated study as a BIDS dataset; every file is marked as simulated."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pandas as pd

from rt1t2_dask.images.nifti import to_bytes
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.simulate.person import SimulatedPerson

_SCANNER_SPACE = 1
_WARNING = "SIMULATED data, no real person: heads built round the ICBM152 2009a template"
_README = f"""# Simulated T1w/T2w study

{_WARNING}.

T1w, T2w and lesion masks were computed by rt1t2_dask from a seed. Where the T1w/T2w ratio is
lower in patients, it was planted. Nothing here may be used to draw a conclusion about any disease.
"""


def participant_files(
    person: SimulatedPerson, participant_id: str, session: str = ""
) -> Iterator[tuple[str, bytes]]:
    """Return the files of one participant.

    Parameters
    ----------
    person : SimulatedPerson
        Its images.
    participant_id : str
        With its ``sub-``.
    session : str
        Label of one of several sessions, without its ``ses-``; empty for the only one.

    Yields
    ------
    tuple of str and bytes
        Path relative to the dataset, content. The same person gives the same bytes.
    """
    images = {"T1w": person.t1w, "T2w": person.t2w}
    if person.lesion is not None:
        images["label-lesion_mask"] = person.lesion
    for suffix, image in images.items():
        yield from _image_files(image, stem_of(participant_id, session, suffix), person)


def stem_of(participant_id: str, session: str, suffix: str) -> str:
    """Return the path of an image relative to the dataset, without its ending."""
    if not session:
        return f"{participant_id}/anat/{participant_id}_{suffix}"
    own = f"ses-{session}"
    return f"{participant_id}/{own}/anat/{participant_id}_{own}_{suffix}"


def dataset_files(participants: pd.DataFrame, seed: int) -> Iterator[tuple[str, bytes]]:
    """Return the files about the whole dataset.

    Parameters
    ----------
    participants : DataFrame
        From `cohort.people`.
    seed : int
        Seed of the study.
    """
    yield "dataset_description.json", _json(_description(seed))
    yield "README.md", _README.encode()
    yield ".bidsignore", b"**/*_mask.nii.gz\n**/*_mask.json\n.rt1t2_dask/\n"
    table = participants.to_csv(sep="\t", index=False, lineterminator="\n", na_rep="n/a")
    yield "participants.tsv", table.encode()
    yield "participants.json", _json(_COLUMNS)


_COLUMNS = {
    "group": {"Description": "Simulated group"},
    "age": {"Description": "Simulated age", "Units": "year"},
    "sex": {"Description": "Simulated sex", "Levels": {"M": "male", "F": "female"}},
}


def _description(seed: int) -> dict[str, Any]:
    return {
        "Name": f"SIMULATED T1w/T2w study, seed {seed}",
        "BIDSVersion": "1.10.0",
        "DatasetType": "raw",
        "License": "derived from ICBM152 2009a (McConnell Brain Imaging Centre), its terms apply",
        "GeneratedBy": [{"Name": "rt1t2_dask.simulate", "Description": _WARNING}],
        "simulated": True,
        "seed": seed,
    }


def _image_files(image: Volume, stem: str, person: SimulatedPerson) -> Iterator[tuple[str, bytes]]:
    content = to_bytes(image, space_code=_SCANNER_SPACE, description="SIMULATED by rt1t2_dask")
    yield f"{stem}.nii.gz", content
    seed = person.seed if isinstance(person.seed, int) else list(person.seed)
    yield f"{stem}.json", _json({"simulated": True, "seed": seed, "Description": _WARNING})


def _json(content: dict[str, Any]) -> bytes:
    return (json.dumps(content, indent=2) + "\n").encode()
