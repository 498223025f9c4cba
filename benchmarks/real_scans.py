"""Real scans through the whole program: what calibration does to people of one scanner.

    python benchmarks/real_scans.py FOLDER [--scans ../shared/scans] [--kinds eb_gain none ...]

Six sessions of five people, three protocols by geometry, each under every calibration; planted
changes; images rescaled at random; then Monte Carlo with the spreads measured. FOLDER keeps the
lake, so that a run that was stopped goes on. The last line is one JSON object. Without the scans
it says so and ends.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd
from scans import montecarlo
from scans.planted import planted_errors
from scans.study import KINDS, SESSIONS, Study
from summary.figures import conclude

from rt1t2_dask.ratio.corrections import Scan, correct

PROTOCOL = ("sub-ms01b", "sub-ms03b", "sub-ms12a")  # one scanner, one sequence
OTHER_SEQUENCE = "sub-ms04a"
TWO_PROTOCOLS = ("sub-ms01a", "sub-ms01b")  # one person
DRAWS = 200


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    asked.add_argument("folder", type=Path)
    here = Path(__file__).resolve().parents[1]
    asked.add_argument("--scans", type=Path, default=here.parent / "shared" / "scans")
    asked.add_argument("--kinds", nargs="+", default=list(KINDS), choices=KINDS)
    asked.add_argument("--trials", type=Path, help="what benchmarks.heads.poses_trials printed")
    args = asked.parse_args()
    if not args.scans.is_dir():
        print(f"skipped: the scans are not at {args.scans}")
        print(json.dumps(None))
        return
    study = Study(args.folder, args.scans)
    for kind in args.kinds:
        study.run(kind)
    figures = sessions(study) | spreads(study, args.kinds)
    figures |= planted_errors(study, args.kinds)
    people = study.people("eb_gain")
    figures |= montecarlo.run(*measured(people))
    on_scans(people)
    if args.trials and args.trials.is_file():
        figures |= json.loads(args.trials.read_text().splitlines()[-1])
    conclude("real_scans", {name: _number(value) for name, value in figures.items()})


def sessions(study: Study) -> dict[str, float]:
    """Count the sessions that ended, and those flagged by quality, under the default."""
    quality, failed = study.quality("eb_gain"), study.failures("eb_gain")
    flagged = quality[quality["flag"].notna()]
    print(f"sessions: {len(quality)} of {len(SESSIONS)}; failed: {failed.to_dict('records')}")
    print(f"flagged: {flagged[['participant_id', 'flag']].to_dict('records')}")
    people = study.people("eb_gain")
    strange = people.loc[people["another_sequence"] == "yes", "participant_id"].tolist()
    print(f"another sequence: {strange} (expected {[OTHER_SEQUENCE]})")
    print(people.round(3).to_string())
    return {
        "sessions_ok": len(quality),
        "sessions": len(SESSIONS),
        "wrong_flags": len(flagged),
        "another_sequence_right": float(strange == [OTHER_SEQUENCE]),
    }


def spreads(study: Study, kinds: list[str]) -> dict[str, float]:
    """Compare people of one protocol, one person on two, and white over grey."""
    ratios = {}
    for kind in kinds:
        people = study.people(kind).set_index("participant_id")
        levels = {how: people[[f"{how}_white", f"{how}_grey"]] for how in ("raw", "calibrated")}
        mean = {how: rows.mean(axis=1) for how, rows in levels.items()}
        three = {how: rows.loc[list(PROTOCOL)].std(ddof=1) for how, rows in mean.items()}
        ratios[kind] = three["calibrated"] / three["raw"]
        apart = {
            how: abs(rows[TWO_PROTOCOLS[0]] - rows[TWO_PROTOCOLS[1]]) for how, rows in mean.items()
        }
        contrast = {
            how: (rows.iloc[:, 0] - rows.iloc[:, 1]).loc[list(PROTOCOL)].std(ddof=1)
            for how, rows in levels.items()
        }
        print(
            f"{kind}: one protocol {100 * three['raw']:.1f} -> {100 * three['calibrated']:.1f} % "
            f"({ratios[kind]:.2f}); two protocols {100 * apart['raw']:.1f} -> "
            f"{100 * apart['calibrated']:.1f} %; white over grey {100 * contrast['raw']:.1f} -> "
            f"{100 * contrast['calibrated']:.1f} %"
        )
    return {
        "spread_ratio": ratios.get("eb_gain", np.nan),
        "spread_ratio_mrtool": ratios.get("mrtool_style", np.nan),
    }


def measured(people: pd.DataFrame) -> tuple[float, float]:
    """Return the SD of tissue and of fluid between people of one protocol, log units."""
    three = people.set_index("participant_id").loc[list(PROTOCOL)]
    tissue = three[["raw_white", "raw_grey"]].mean(axis=1).std(ddof=1)
    fluid = three["fluid"].std(ddof=1)
    print(f"measured SD: tissue {tissue:.3f}, fluid {fluid:.3f}")
    return float(tissue), float(fluid)


def on_scans(people: pd.DataFrame) -> None:
    """Rescale the images of the three people of one protocol at random."""
    three = people.set_index("participant_id").loc[list(PROTOCOL)]
    level = three[["raw_white", "raw_grey"]].mean(axis=1).to_numpy()
    rng = np.random.default_rng(3)
    raw, left = [], []
    for _ in range(DRAWS):
        gain = rng.normal(0, montecarlo.SD_GAIN, len(three))
        scans = [
            Scan(montecarlo.anchors(y + g, a + g), 0, "ms", name)
            for name, y, a, g in zip(three.index, level, three["fluid"], gain, strict=True)
        ]
        raw.append((level + gain).var(ddof=1))
        left.append((level + gain - correct(scans).log_gain).var(ddof=1))
    share = float(np.sqrt(np.mean(left) / np.mean(raw)))
    print(f"rescaled, n=3 on the scans themselves: spread of maps {share:.2f} of raw")


def _number(value: float) -> float | None:
    return None if value is None or np.isnan(value) else round(float(value), 4)


if __name__ == "__main__":
    main()
