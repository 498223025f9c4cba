"""What the lake saves and costs: sweeps, overhead, two processes, planning, chunks.

python benchmarks/lake.py [sweep] [overhead] [two] [plan] [chunks] [--people N] [--voxel-mm V]
    [--alone 6]

Without names all sections run, each on the study its figure is about: the sweep on four people at
4 mm, the overhead on the shipped study (29 at 2 mm), two processes on six people at 2 mm. Every
section prints readable lines; the last line is one JSON object with the figures of the sections
that ran. Data are SIMULATED.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from lakes.chunks import chunks
from lakes.overhead import overhead, two_processes
from lakes.study import Study, run
from summary.figures import conclude

SWEPT = {"smooth.fwhm_mm": ("6", "8", "10"), "contrast.p": ("0.001", "0.005")}
IMAGES = ("ingest", "coregister", "bias", "brain", "normalise", "tissue", "calibrate", "ratio")


def sweep(study: Study) -> dict[str, Any]:
    """Run 3 x 2 settings as one sweep and as six separate runs; count what each made.

    Where fewer runs are made alone, six are reckoned from them.
    """
    together = study.run(
        "lake-sweep", "sweep", "-m", *(f"{k}={','.join(v)}" for k, v in SWEPT.items())
    )
    settings = [(f, p) for f in SWEPT["smooth.fwhm_mm"] for p in SWEPT["contrast.p"]]
    jobs = [f"sweep/smooth.fwhm_mm={f},contrast.p={p}" for f, p in settings]
    apart = [
        study.run(
            f"lake-{i}", f"alone-{i}", f"smooth.fwhm_mm={settings[i][0]}",
            f"contrast.p={settings[i][1]}",
        )
        for i in range(study.alone or len(settings))
    ]  # fmt: skip
    alone = [f"alone-{i}" for i in range(len(apart))]
    units = study.made(alone[0])
    runs = {stage: n / units[stage] for stage, n in study.made(*jobs).items()}
    times = len(settings) / len(apart)
    separate = {stage: times * n / units[stage] for stage, n in study.made(*alone).items()}
    wall, walls = together.wall_s, times * sum(spent.wall_s for spent in apart)
    cpu, cpus = together.cpu_s, times * sum(spent.cpu_s for spent in apart)
    print(f"sweep: smooth {runs['smooth']:g} times, clusters {runs['clusters']:g}, ", end="")
    print(f"images {max(runs[stage] for stage in IMAGES):g}; ", end="")
    print(
        f"wall {wall:.0f} s, {cpu:.0f} CPU s; {len(apart)} of six runs apart, "
        f"as six {walls:.0f} s, {cpus:.0f} CPU s"
    )
    return {
        "sweep_stage_runs": runs,
        "sweep_stage_runs_separate": separate,
        "sweep_wall_ratio": walls / wall,
        "sweep_cpu_ratio": cpus / cpu,
    }


def plan(study: Study, people: int = 50_000) -> dict[str, Any]:
    """Plan a study of many people whose (tiny) scans really lie in a folder."""
    root = study.folder / "many"
    rows = ["participant_id\tgroup\tage\tsex"]
    for k in range(people):
        label = f"sub-{k:05d}"
        rows.append(f"{label}\t{'PSP' if k % 2 else 'HC'}\t{40 + k % 40}\t{'MF'[k % 2]}")
        folder = root / label / "anat"
        folder.mkdir(parents=True)
        for kind in ("T1w", "T2w"):
            (folder / f"{label}_{kind}.nii.gz").write_text(f"{label} {kind}")
    (root / "participants.tsv").write_text("\n".join(rows) + "\n")
    spent = run(
        [
            "+cohort=psp", "source=bids", f"source.root={root}", "template.voxel_mm=2",
            f"storage.url={study.folder}/lake-many", f"output_dir={study.folder}/many-out",
            "dry_run=true",
        ]
    )  # fmt: skip
    print(f"plan of {people} people: {spent.cpu_s:.0f} CPU s, {spent.wall_s:.0f} s, ", end="")
    print(f"{spent.peak / 1e9:.2f} GB")
    named = f"plan_{people}"
    return {
        f"{named}_s": spent.cpu_s,
        f"{named}_wall_s": spent.wall_s,
        f"{named}_gb": spent.peak / 1e9,
    }


class Section(NamedTuple):
    """A section, and the people and voxel size (mm) it is measured on; 0 people: as shipped."""

    measure: Callable[[Study], dict[str, Any]]
    people: int = 4
    voxel_mm: float = 4.0
    scans: bool = True


SECTIONS = {
    "sweep": Section(sweep),
    "overhead": Section(overhead, people=0, voxel_mm=2.0),
    "two": Section(two_processes, people=6, voxel_mm=2.0),
    "plan": Section(plan, scans=False),
    "chunks": Section(chunks, scans=False),
}


def main() -> None:
    """Measure the sections asked for and print their figures as one JSON object."""
    asked = argparse.ArgumentParser()
    asked.add_argument("sections", nargs="*", help=f"of {', '.join(SECTIONS)}")
    asked.add_argument("--people", type=int, help="in place of each section's own; 0 = as shipped")
    asked.add_argument("--voxel-mm", type=float, help="in place of each section's own")
    asked.add_argument("--alone", type=int, default=0, help="separate runs of a sweep; 0 = all")
    asked.add_argument("--relabelings", type=int, default=20)
    args = asked.parse_args()
    figures: dict[str, Any] = {"load": os.getloadavg()[0]}
    for name in args.sections or SECTIONS:
        section = SECTIONS[name]
        people = section.people if args.people is None else args.people
        voxel_mm = args.voxel_mm or section.voxel_mm
        with tempfile.TemporaryDirectory() as folder:
            study = Study(Path(folder), people, voxel_mm, args.relabelings, args.alone)
            if section.scans:
                study.simulate()
            figures |= section.measure(study)
    conclude("lake", figures)


if __name__ == "__main__":
    main()
