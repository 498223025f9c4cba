"""The files of single patients: maps with sidecars, and a page."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from rt1t2_dask.images.nifti import to_bytes
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.pipelines.analysis import PersonFile
from rt1t2_dask.pipelines.deviation.plan import DeviationPlan
from rt1t2_dask.pipelines.engine.volumes import to_volume
from rt1t2_dask.pipelines.outputs.states import DEVIATION_PAGE
from rt1t2_dask.report.deviation_page import Patient, render_patient
from rt1t2_dask.report.sections.deviation import Compared

if TYPE_CHECKING:
    from rt1t2_dask.pipelines.outputs.finished import Finished

MNI = 4
WORDS = {
    "t": (
        "stat-t_desc-deviation",
        "Modified t (Crawford & Howell 1998), positive: higher than the controls",
        "1",
    ),
    "percent": (
        "stat-percent_desc-deviation",
        "Difference from the value that the controls lead to expect",
        "%",
    ),
    "fwe": (
        "stat-t_desc-deviationfwe",
        "-log10 of the two-sided family-wise p over the brain",
        "1",
    ),
}
NOT_A_DIAGNOSIS = "Research, not a diagnosis: how unlike the study's controls one person is."


def person_files(
    study: Finished,
    plan: DeviationPlan,
    shown: Compared,
    clusters: Mapping[str, pd.DataFrame],
    regions: Mapping[str, pd.DataFrame],
) -> Iterator[PersonFile]:
    """Yield every patient's maps and page, as deviation.maps and deviation.pages ask.

    Parameters
    ----------
    shown : Compared
        What the report shows of all patients.
    clusters, regions : mapping of str to DataFrame
        By label.
    """
    asked = study.config.deviation
    brain = study.brain() if asked.pages else None
    folders = {own.person.label: own.person.folder for own in study.plans}
    for label, task in plan.patients.items():
        dataset, record = study.lake.read(task.part), study.lake.record(task.part)
        if asked.maps:
            for name in WORDS:
                image = to_volume(dataset[f"deviation_{name}"])
                yield from _map_files(study, f"{folders[label]}/anat/{label}", name, image, record)
        if brain is not None:
            patient = Patient(
                label,
                record,
                to_volume(dataset["deviation_t"]),
                clusters[label],
                regions[label],
            )
            page = render_patient(
                patient, shown, brain, study.simulated, study.config.report.figures
            )
            yield PersonFile(f"{label}{DEVIATION_PAGE}", page.encode())


def _map_files(
    study: Finished, start: str, name: str, image: Volume, record: Mapping[str, Any]
) -> Iterator[PersonFile]:
    """Yield a map and its sidecar."""
    entities, words, units = WORDS[name]
    space = study.config.space
    stem = f"{start}_space-{space}_{entities}_statmap"
    note = f"SIMULATED {name}" if study.simulated else name
    yield PersonFile(f"{stem}.nii.gz", to_bytes(image, space_code=MNI, description=note))
    sidecar = {
        "Description": f"{words}; NaN where not compared. {NOT_A_DIAGNOSIS}",
        "Units": units,
        "SpatialReference": space,
        "simulated": study.simulated,
        "Controls": record["n_controls"],
        "DegreesOfFreedom": record["dof"],
        "FamilyWiseMethod": record["method"],
        "Scale": record["scale"],
    }
    text = json.dumps(sidecar, indent=2, ensure_ascii=False) + "\n"
    yield PersonFile(f"{stem}.json", text.encode())
