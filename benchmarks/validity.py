"""How often the tests err where nothing, or a known thing, is to be found. SIMULATED DATA.

    python benchmarks/validity.py FILE [figure ...] [--studies N]

Runs null studies figure by figure and appends one JSON line a study to FILE, so that it can be
stopped at any time and goes on where it stopped; studies in FILE are not run again, so take
another FILE for other code. Study k of a figure draws from ``default_rng([k, crc32(figure)])``,
whatever else is run. Prints progress, then each rate with its 95 % interval (Clopper & Pearson;
studies count as one observation each, also where a study gives several values) beside its bar;
the last line is JSON. Figures come from the modules ``nulls/{contrasts,sites,receptors}.py``.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from zlib import crc32

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402  (threads must be set before BLAS starts)
from nulls.figure import Bar, Figure, Value  # noqa: E402
from scipy.stats import beta  # noqa: E402
from summary.figures import conclude  # noqa: E402

MODULES = ("nulls.contrasts", "nulls.sites", "nulls.receptors")
EVERY_S = 30.0

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Values = dict[str, Value]
Known = dict[str, dict[int, Values]]


@dataclass(frozen=True)
class Rate:
    """What the studies of one key, or of one detail of it, gave."""

    key: str
    rate: float
    low: float
    high: float
    studies: int
    bar: Bar

    @property
    def beyond(self) -> float:
        """How far the rate lies outside its bar; negative within."""
        lowest, highest = self.bar
        below = -np.inf if lowest is None else lowest - self.rate
        above = -np.inf if highest is None else self.rate - highest
        return max(below, above)

    def line(self) -> str:
        """Return one line for people."""
        bar = " to ".join("" if end is None else f"{end:g}" for end in self.bar).strip()
        said = "kept" if self.beyond <= 0 else "MISSED"
        return (
            f"{self.key:34s} {self.rate:.4f}  [{self.low:.4f}, {self.high:.4f}]  "
            f"{self.studies} studies, bar {bar or 'none'}: {said}"
        )


def figures(modules: Sequence[str]) -> dict[str, Figure]:
    """Collect the figures of the modules that are here."""
    found: dict[str, Figure] = {}
    for name in modules:
        if find_spec(name):
            found |= import_module(name).FIGURES
    return found


def read(path: Path) -> Known:
    """Read finished studies; a line that a stop cut short is no study."""
    known: Known = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            continue
        known.setdefault(row["figure"], {})[row["study"]] = row["values"]
    return known


def append(path: Path, row: dict[str, object]) -> None:
    """Add one line in one write, behind a new line where the last one was cut short."""
    content = path.read_bytes() if path.exists() and path.stat().st_size else b"\n"
    start = "" if content.endswith(b"\n") else "\n"
    with path.open("a", encoding="utf-8") as out:
        out.write(start + json.dumps(row) + "\n")


def run(name: str, figure: Figure, done: dict[int, Values], studies: int, path: Path) -> None:
    """Run the studies that are not done yet."""
    missing = [k for k in range(studies) if k not in done]
    print(f"{name}: {studies - len(missing)} of {studies} studies are done", flush=True)
    start = said = time.monotonic()
    for finished, k in enumerate(missing, 1):
        rng = np.random.default_rng([k, crc32(name.encode())])
        done[k] = figure.one(rng)
        append(path, {"figure": name, "study": k, "values": done[k]})
        now = time.monotonic()
        if now - said > EVERY_S or finished == len(missing):
            said, each = now, (now - start) / finished
            left = each * (len(missing) - finished) / 60
            total = studies - len(missing) + finished
            words = f"{name}: {total} of {studies}, {each:.2f} s each, {left:.0f} min left"
            print(words, flush=True)


def rates(figure: Figure, done: Iterable[Values]) -> Iterator[Rate]:
    """Sum each key of a figure up over its studies."""
    pooled: dict[str, list[list[float]]] = {}
    for values in done:
        for key, value in values.items():
            pooled.setdefault(key, []).append(list(np.atleast_1d(value)))
    for key, studies in pooled.items():
        rate, low, high = summary(studies)
        yield Rate(key, rate, low, high, len(studies), figure.bars[key.partition(":")[0]])
    for key, (above, below) in figure.ratios.items():
        if above in pooled:
            quotient = ratio(*(np.concatenate(pooled[name]) for name in (above, below)))
            yield Rate(key, *quotient, len(pooled[above]), figure.bars[key])


def summary(studies: list[list[float]]) -> tuple[float, float, float]:
    """Return rate and 95 % interval; of ratios, which can exceed 1, the median and its interval."""
    every = np.concatenate(studies)
    n = len(studies)
    if every.size and every.max() > 1:
        # The order statistics that hold the median with 95 %, by the normal approximation.
        ends = np.clip(0.5 + np.array([-1, 1]) * 0.98 / np.sqrt(n), 0, 1)
        low, high = np.quantile(every, ends)
        return float(np.median(every)), float(low), float(high)
    rate = float(every.mean())
    low = beta.ppf(0.025, rate * n, n - rate * n + 1) if rate > 0 else 0.0
    high = beta.ppf(0.975, rate * n + 1, n - rate * n) if rate < 1 else 1.0
    return rate, float(low), float(high)


def ratio(above: Floats, below: Floats) -> tuple[float, float, float]:
    """Return the rate of one key over that of another in the same studies, and its interval.

    By the delta method for the logarithm of a ratio of means of pairs.
    """
    over, under = float(above.mean()), float(below.mean())
    if over == 0 or under == 0:
        return float("nan" if over == under else over / np.float64(under)), 0.0, float("inf")
    error = 1.96 * (above / over - below / under).std() / np.sqrt(len(above))
    return over / under, over / under * np.exp(-error), over / under * np.exp(error)


def report(known: Known, chosen: dict[str, Figure], wanted: int | None) -> dict[str, object]:
    """Print every rate, and return the worst detail of each key."""
    worst: dict[str, Rate] = {}
    for name, figure in chosen.items():
        studies = wanted or figure.studies
        done = [values for k, values in sorted(known.get(name, {}).items()) if k < studies]
        for rate in rates(figure, done):
            print(rate.line())
            key = rate.key.partition(":")[0]
            if key not in worst or rate.beyond > worst[key].beyond:
                worst[key] = rate
    out: dict[str, object] = {key: rate.rate for key, rate in worst.items()}
    out |= {f"{key}_interval": [rate.low, rate.high] for key, rate in worst.items()}
    out |= {f"{key}_studies": rate.studies for key, rate in worst.items()}
    return out | {"missed": sorted(key for key, rate in worst.items() if rate.beyond > 0)}


def main(
    program: str = "validity", modules: Sequence[str] = MODULES, words: str | None = __doc__
) -> int:
    """Run the figures that the command line names."""
    every = figures(modules)
    parser = argparse.ArgumentParser(
        description=words, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path, help="log of studies, read and added to")
    parser.add_argument("figure", nargs="*", metavar="figure", help=f"of {', '.join(every)}")
    parser.add_argument("--studies", type=int, help="of each figure, in place of its own number")
    options = parser.parse_args()
    unknown = sorted(set(options.figure) - set(every))
    if unknown or (options.studies is not None and options.studies < 1):
        parser.error(f"figures {unknown} are not known" if unknown else "--studies is below 1")
    chosen = {name: every[name] for name in options.figure or every}
    known, stopped = read(options.file), False
    try:
        for name, figure in chosen.items():
            studies = options.studies or figure.studies
            run(name, figure, known.setdefault(name, {}), studies, options.file)
    except KeyboardInterrupt:
        print("stopped; the same command goes on", flush=True)
        stopped = True
    bars = {key: bar for figure in chosen.values() for key, bar in figure.bars.items()}
    conclude(program, report(known, chosen, options.studies), bars)
    return 130 if stopped else 0


if __name__ == "__main__":
    sys.exit(main())
