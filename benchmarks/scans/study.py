"""Six real sessions as a BIDS dataset, and the study run on them under any calibration."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from rt1t2_dask.cli.command_line import command
from rt1t2_dask.storage.parts import Lake, Part

KINDS = ("eb_gain", "mrtool_style", "gm_median", "none")
SESSIONS = {
    "ms01a": ("open_ms/patient01/study1_T1W", "open_ms/patient01/study1_T2W"),
    "ms01b": ("open_ms/patient01/study2_T1W", "open_ms/patient01/study2_T2W"),
    "ms03b": ("open_ms/patient03/study2_T1W", "open_ms/patient03/study2_T2W"),
    "ms04a": ("open_ms/patient04/study1_T1W", "open_ms/patient04/study1_T2W"),
    "ms12a": ("open_ms/patient12/study1_T1W", "open_ms/patient12/study1_T2W"),
    "tcga": ("tcga_lgg/T1w", "tcga_lgg/T2w"),
}
COHORT = """name: real
participants: participants.tsv
group_column: group
groups: {ms: MS, glioma: LGG}
reference: ms
contrasts: {}
covariates: []
exclude: []
"""


@dataclass(frozen=True)
class Study:
    """A folder with a lake, datasets and outputs of the real sessions."""

    folder: Path
    scans: Path

    def dataset(self, name: str = "as_scanned") -> Path:
        """Write a dataset of the sessions as they are, or return the one that is there."""
        root = self.folder / "bids" / name
        if (root / "participants.tsv").exists():
            return root
        for session, files in SESSIONS.items():
            anat = root / f"sub-{session}" / "anat"
            anat.mkdir(parents=True, exist_ok=True)
            for file, suffix in zip(files, ("T1w", "T2w"), strict=True):
                target = anat / f"sub-{session}_{suffix}.nii.gz"
                shutil.copyfile(self.scans / f"{file}.nii.gz", target)
        self.describe(root)
        return root

    def describe(self, root: Path) -> None:
        """Write what makes a folder of scans a dataset; the table, which says so, last."""
        known = {"Name": "real sessions", "BIDSVersion": "1.8.0"}
        (root / "dataset_description.json").write_text(json.dumps(known))
        rows = [(f"sub-{s}", "LGG" if s == "tcga" else "MS") for s in SESSIONS]
        table = pd.DataFrame(rows, columns=["participant_id", "group"])
        table.to_csv(root / "participants.tsv", sep="\t", index=False)

    def out(self, kind: str, name: str = "as_scanned") -> Path:
        """Return the output folder of a calibration."""
        return self.folder / "out" / f"{name}_{kind}"

    def run(self, kind: str, name: str = "as_scanned") -> None:
        """Run the study; parts that are there are not made again."""
        conf = self.folder / "conf" / "cohort"
        conf.mkdir(parents=True, exist_ok=True)
        (conf / "real.yaml").write_text(COHORT)
        code = command([
            "--config-dir", str(conf.parent), "+cohort=real", "source=bids",
            f"source.root={self.dataset(name)}", f"calibration={kind}", "template.voxel_mm=2",
            f"storage.url={self.folder / 'lake'}", f"output_dir={self.out(kind, name)}",
            "report.figures=false", "allow_failures=true", "overwrite=true",
        ])  # fmt: skip
        print(f"{name}, {kind}: exit {code}", flush=True)

    def table(self, kind: str, path: str, name: str = "as_scanned") -> pd.DataFrame:
        """Read a table of an output folder."""
        return pd.read_csv(self.out(kind, name) / path, sep="\t", na_values="n/a")

    def quality(self, kind: str) -> pd.DataFrame:
        """Read everybody's quality."""
        return self.table(kind, "group/quality.tsv")

    def failures(self, kind: str) -> pd.DataFrame:
        """Read who failed."""
        return self.table(kind, "failures.tsv")

    def people(self, kind: str) -> pd.DataFrame:
        """Read everybody's anchors and gain."""
        return self.table(kind, "group/calibration_people.tsv")

    def parts(self, kind: str, session: str, name: str = "as_scanned") -> dict[str, Part]:
        """Return where the parts of one session lie, by stage."""
        known = json.loads((self.out(kind, name) / "provenance.json").read_text())
        keys = known["parts"][f"sub-{session}"]
        return {stage: Part(stage, key) for stage, key in keys.items()}

    @property
    def lake(self) -> Lake:
        """Open the lake."""
        return Lake(str(self.folder / "lake"))
