"""The image half on known truth: heads painted on real people's label maps.

    python benchmarks/images.py [--only rigid poses ...] [--people 6] [--into figures.json]

Each section is a module ``heads/<section>.py`` with ``run(people)``, which prints readable lines
and returns its figures. The last line is one JSON object with every figure; null
where a section was left out, is not there or could not measure. With ``--into`` the figures are
kept in a file after each section, so that sections can run one by one.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import math
import time
from pathlib import Path

from summary.figures import conclude

Figures = dict[str, float | None]

KEYS: dict[str, tuple[str, ...]] = {
    "rigid": ("rigid_iso_mm", "rigid_5mm_mm"),
    "poses": ("poses_found", "poses_tried"),
    "brain": ("brain_dice_mean", "brain_dice_min"),
    "normalise": (
        "gm_dice",
        "wm_dice",
        "gm_dice_synquick",
        "wm_dice_synquick",
        "cpu_ratio_synquick",
        "cpu_s_subject",
        "peak_gb",
    ),
    "rim": ("rim_mm", "rim_unmasked_mm"),
    "repeat": ("same_bits",),
    "calibration": (
        "wm_cv_raw",
        "wm_cv_calibrated",
        "contrast_error",
        "effect_error",
        "effect_error_whole",
    ),
}


def main() -> None:
    """Run the chosen sections and print all figures there are."""
    chosen = arguments()
    figures = kept(chosen.into)
    for section in chosen.only or KEYS:
        figures |= run(section, chosen.people)
        if chosen.into is not None:
            chosen.into.write_text(json.dumps(figures) + "\n")
    conclude("images", figures)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--only", nargs="+", choices=tuple(KEYS), metavar="SECTION")
    parser.add_argument("--people", type=int, default=6)
    parser.add_argument("--into", type=Path, metavar="FILE")
    return parser.parse_args()


def kept(path: Path | None) -> Figures:
    """Give every figure: what a file holds of them, null for the rest."""
    figures: Figures = {key: None for keys in KEYS.values() for key in keys}
    if path is None or not path.exists():
        return figures
    return figures | json.loads(path.read_text())


def run(section: str, people: int) -> Figures:
    """Run one section; nothing but a line where its module is not there."""
    name = f"heads.{section}"
    if importlib.util.find_spec(name) is None:
        print(f"{section}: there is no module {name}")
        return {}
    print(f"== {section} ({people} people)", flush=True)
    start = time.process_time()
    found = importlib.import_module(name).run(people)
    print(f"== {section}: {time.process_time() - start:.0f} CPU s", flush=True)
    return {key: _number(value) for key, value in found.items()}


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)


if __name__ == "__main__":
    main()
