"""A newcomer's first ten minutes from a fresh virtual environment, timed.

Install, help, the simulated study at 4 mm, its report, one's own cohort drafted and checked. The
last line is JSON: seconds by the clock of each step. `RT1T2_SCANS` names the folder of open_ms;
without it the own cohort is the simulated one. RT1T2_FULL=1 simulates all 29 people, else 6.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from summary.figures import conclude

ROOT = Path(__file__).resolve().parents[2]
FEW = [f"source.groups.{g}.{k}" for g in ("PSP", "HC") for k in ("n=3", "n_male=1")]


def main() -> None:
    spent: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        people = [] if os.environ.get("RT1T2_FULL") else FEW
        python = str(folder / "venv" / "bin" / "python")
        steps = {
            "environment": [sys.executable, "-m", "venv", "venv"],
            "install": [python, "-m", "pip", "install", "-q", str(ROOT)],
            "help": [python, "-m", "rt1t2_dask"],
            "plan": [python, "-m", "rt1t2_dask", *study(people), "dry_run=true"],
            "study": [python, "-m", "rt1t2_dask", *study(people)],
            "again": [python, "-m", "rt1t2_dask", *study(people)],
        }
        for step, words in steps.items():
            spent[step] = timed(step, words, folder, expected=2 if step == "help" else 0)
        open_report(folder / "outputs" / "psp" / "report.html")
        dataset = own_dataset(folder)
        own = ["--config-dir", "mine", "+cohort=mine", "source=bids", f"source.root={dataset}"]
        command = [python, "-m", "rt1t2_dask"]
        draft = [*command, "init", "mine", f"source.root={dataset}"]
        spent["init"] = timed("init", draft, folder)
        code = 0 if people_in(dataset) > 3 else 2
        spent["check"] = timed("check", [*command, *own, "check=true"], folder, expected=code)
    total = round(sum(spent.values()), 1)
    conclude("first_ten_minutes", {**spent, "total_s": total})


def study(people: list[str]) -> list[str]:
    return ["+cohort=psp", "source.voxel_mm=4", *people]


def timed(step: str, words: list[str], folder: Path, expected: int = 0) -> float:
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "RT1T2_DEBUG")}
    began = time.monotonic()
    done = subprocess.run(
        words, cwd=folder, env=env, capture_output=True, text=True, check=False
    )  # fmt: skip
    spent = round(time.monotonic() - began, 1)
    if done.returncode != expected:
        sys.exit(f"{step}: exit {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    lines = (done.stdout or done.stderr).strip().splitlines()
    print(f"{step:<12}{spent:>7.1f} s   {lines[-1] if lines else ''}", flush=True)
    return spent


def open_report(page: Path) -> None:
    """Look for what the newcomer is to see; another host's address would be a request."""
    text = page.read_text()
    assert "SIMULATED" in text
    assert not re.search(r'(?:src|href)="https?://[^"]+\.(?:js|css|png)"', text)
    print(f"report      {page.stat().st_size / 1e6:>7.1f} MB")


def own_dataset(folder: Path) -> Path:
    """Lay open_ms out as BIDS; the simulated dataset where it is not there."""
    scans = Path(os.environ.get("RT1T2_SCANS", ""))
    if not (scans / "patient01").is_dir():
        return next((folder / "outputs" / "simulated").iterdir())
    root = folder / "data"
    for who in ("01", "04"):
        anat = root / f"sub-{who}" / "anat"
        anat.mkdir(parents=True)
        for suffix in ("T1w", "T2w"):
            source = scans / f"patient{who}" / f"study1_{suffix.upper()}.nii.gz"
            shutil.copy(source, anat / f"sub-{who}_{suffix}.nii.gz")
    rows = "participant_id\tgroup\tage\tsex\nsub-01\tpatient\t20\tF\nsub-04\tcontrol\t33\tF\n"
    (root / "participants.tsv").write_text(rows)
    return root


def people_in(dataset: Path) -> int:
    return len(list(dataset.glob("sub-*")))


if __name__ == "__main__":
    main()
