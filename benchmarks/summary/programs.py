"""Every program there is: what it measures, what it needs, how it is called."""

from __future__ import annotations

import ast
import os
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
SCANS = TOP.parents[1] / "shared" / "scans"


@dataclass(frozen=True)
class Program:
    """One program and its words; ``{into}`` in a word is the folder of results.

    Parameters
    ----------
    module : str
        Below ``benchmarks``, with dots.
    words, quick : tuple of str
        Words of a full and of a short run; a short one says whether the program runs, and its
        figures may miss bars that are set on full ones. None where there is no short run.
    peers : dict of str to tuple of str
        Words added where a package is installed.
    needs : tuple of str
        Of ``assets``, ``labels`` and ``scans``, and names of packages.
    by_hand : str
        Why it is not among those that run when none is named; empty if it is.
    """

    module: str
    words: tuple[str, ...] = ()
    quick: tuple[str, ...] | None = None
    peers: tuple[tuple[str, tuple[str, ...]], ...] = ()
    needs: tuple[str, ...] = ()
    by_hand: str = ""

    @property
    def name(self) -> str:
        """Return the last word of the module's name."""
        return self.module.rpartition(".")[2]

    @property
    def path(self) -> Path:
        """Return the module's file."""
        return TOP.joinpath(*self.module.split(".")).with_suffix(".py")

    @property
    def measures(self) -> str:
        """Return the first line of the module's docstring."""
        return (ast.get_docstring(ast.parse(self.path.read_text())) or "").partition("\n")[0]

    def command(self, into: Path, *, quick: bool) -> list[str]:
        """Return the command line."""
        words = (self.quick or ()) if quick else self.words
        for package, more in self.peers:
            words += more if _installed(package) else ()
        filled = [word.format(into=into, python=sys.executable) for word in words]
        return [sys.executable, "-m", f"benchmarks.{self.module}", *filled]

    def lacks(self, *, quick: bool = False) -> list[str]:
        """Return what it needs and is not here."""
        long = ["a full run"] if quick and self.quick is None else []
        return [need for need in self.needs if not _is_here(need)] + long


def _is_here(need: str) -> bool:
    folders = [Path(p) for p in os.environ.get("RT1T2_ASSETS", "").split(os.pathsep) if p]
    if need == "assets":
        return any(folder.is_dir() for folder in folders)
    if need == "scans":
        return SCANS.is_dir()
    if need == "labels":
        scans = [*(folder.resolve().parent / "scans" for folder in folders), SCANS]
        named = os.environ.get("RT1T2_HEAD_LABELS")
        return bool(named) or any((scan / "head_labels").is_dir() for scan in scans)
    return _installed(need)


def _installed(package: str) -> bool:
    # Not by import: benchmarks/tfce.py would stand in for the package.
    try:
        return bool(version(package))
    except PackageNotFoundError:
        return False


PROGRAMS = (
    Program("engine"),
    Program("cohort", quick=("open", "block", "equal", "--people", "2000")),
    Program("lake", quick=("chunks",)),
    Program("lakes.memory", quick=("--sizes", "4")),
    Program("lakes.out_of_core", quick=("people=100",)),
    Program("out_of_core_permutations", quick=("people=100", "permutations=20")),
    Program("group", needs=("assets",), quick=("--maps", "4", "--voxel-mm", "2", "--rounds", "1")),
    Program(
        "permutation",
        quick=("--permutations", "100", "--cluster-permutations", "20", "--rounds", "1"),
    ),
    Program("tfce", needs=("tfce",), quick=("--maps", "1", "--nilearn-permutations", "1")),
    Program(
        "surface_statistics",
        quick=("--cohorts", "4", "--permutations", "50", "--rounds", "1", "--maps", "0"),
    ),
    Program(
        "nulls.false_positives",
        words=("--log", "{into}/false_positives.jsonl"),
        quick=("--cohorts", "4", "--permutations", "19"),
    ),
    Program(
        "validity",
        words=("{into}/validity.jsonl",),
        quick=("{into}/validity-quick.jsonl", "site_codes", "--studies", "4"),
    ),
    Program(
        "reviewer",
        words=("{into}/reviewer.jsonl",),
        quick=("{into}/reviewer-quick.jsonl", "b1_rate", "--studies", "4"),
    ),
    Program(
        "receptors",
        quick=("--pairs", "4"),
        peers=(("brainspace", ("--peers", "{python}", "--peer-pairs", "100")),),
    ),
    Program(
        "sites",
        quick=("pooled",),
        peers=(("neuroHarmonize", ("peer={python}",)),),
    ),
    Program("surface", quick=("--quick",)),
    Program(
        "transcriptome",
        words=("--peer", "{python}"),
        quick=("--maps", "10"),
        needs=("assets",),
    ),
    Program("images", quick=("--only", "rigid", "--people", "1"), needs=("assets", "labels")),
    Program(
        "heads.poses_trials",
        words=("{into}/poses_trials.jsonl",),
        quick=("{into}/poses_trials-quick.jsonl", "2"),
        needs=("assets", "labels", "scans"),
    ),
    Program("real_scans", words=("{into}/real_scans",), needs=("assets", "scans")),
    Program("real_scans_borders", words=("{into}/borders",), needs=("scans",)),
    Program(
        "truth",
        words=("{into}/truth",),
        quick=("{into}/truth-quick", "--seeds", "1"),
    ),
    Program(
        "planted.truth_studies",
        words=("{into}/truth_studies",),
        quick=("{into}/truth_studies-quick", "--seeds", "1"),
    ),
    Program("newcomer.first_ten_minutes"),
    Program(
        "planted.truth_run",
        by_hand="takes the output and the lake of a finished default study",
    ),
    Program("scans.quality_limits", by_hand="rewrites docs/quality-limits.md from two studies"),
    Program("newcomer.tutorial", by_hand="rewrites docs/tutorial.md from a finished default study"),
    Program(
        "newcomer.tutorial_genes",
        by_hand="rewrites docs/transcriptome.md from a finished study without assets",
    ),
)


def here() -> tuple[Program, ...]:
    """Return the programs whose modules exist."""
    return tuple(program for program in PROGRAMS if program.path.exists())
