"""The command line in the form of a BIDS-App: ``rt1t2-dask BIDS_DIR OUT_DIR participant|group``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from rt1t2_dask import __version__
from rt1t2_dask.config.places import MEMORY_GB_A_WORKER
from rt1t2_dask.errors import UserError
from rt1t2_dask.machine import cores

LEVELS = ("participant", "group")
NOBODYS_COHORT = (
    "++cohort.name=dataset",
    "++cohort.groups.everybody=everybody",
    "++cohort.reference=everybody",
)
EPILOG = """participant makes the ratio maps, tissue and masks of each person; any number of
such jobs may run at once, on one work folder. group makes what is missing of them and then the
contrasts, tables and the report. Both are the same run as +cohort=NAME source=bids, which has
every setting."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}; the form is rt1t2-dask BIDS_DIR OUT_DIR participant|group.")


def is_asked(arguments: Sequence[str]) -> bool:
    """Return whether a command line has the form of a BIDS-App."""
    return any(word in LEVELS for word in arguments)


def parser() -> argparse.ArgumentParser:
    """Build the parser with its help text."""
    found = _Parser(
        prog="rt1t2-dask", description="As a BIDS-App (Gorgolewski et al. 2017).", epilog=EPILOG
    )
    add = found.add_argument
    add("bids_dir", help="the dataset: a folder, or a bucket as s3://bucket/data")
    add("output_dir", help="folder of the derivatives")
    add("analysis_level", choices=LEVELS, help="maps of people, or the whole study")
    add("settings", nargs="*", help="any setting, such as smooth.fwhm_mm=8")
    add("--participant-label", "--participant_label", nargs="+", metavar="LABEL", default=[],
        help="with participant: these people only, with or without sub-")  # fmt: skip
    add("--session-label", "--session_label", metavar="LABEL", help="the session to read")
    add("--cohort", metavar="FILE", help="groups and contrasts (init drafts one); group needs it")
    add("-w", "--work-dir", "--work_dir", metavar="DIR",
        help="the lake of finished parts; default RT1T2_LAKE, else outputs/lake")  # fmt: skip
    add("--n-cpus", "--n_cpus", type=int, metavar="N", help="worker processes; default all cores")
    add("--mem-gb", "--mem_gb", type=float, metavar="GB", help="memory of all workers together")
    add("--skip-bids-validation", "--skip_bids_validation", action="store_true",
        help="ignored: the files that are read are always checked")  # fmt: skip
    add("-v", "--version", action="version", version=__version__)
    return found


def overrides(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Translate a BIDS-App command line to overrides.

    Returns
    -------
    ours : list of str
        Overrides in Hydra's grammar.
    settings : list of str
        The settings of the user, as typed.

    Raises
    ------
    UserError
        The form is wrong, or the options do not match the level.
    """
    asked = parser().parse_intermixed_args(list(arguments))
    words = [part for word in asked.participant_label for part in _parts(word)]
    # --participant-label takes all words up to the next option, which may include settings.
    asked.participant_label = [word for word in words if "=" not in word]
    asked.settings += [word for word in words if "=" in word]
    group = asked.analysis_level == "group"
    if group and asked.participant_label:
        raise UserError(
            "--participant-label is for participant; use cohort.exclude to leave people out of a "
            "group."
        )
    if group and not asked.cohort:
        raise UserError(
            "group needs --cohort FILE, which names groups and contrasts; draft one with "
            f"rt1t2-dask init my_study source.root={asked.bids_dir}"
        )
    typed = {word.split("=", 1)[0].lstrip("+") for word in asked.settings}
    ours = [*_cohort(asked.cohort), *_places(asked), *_workers(asked.n_cpus, asked.mem_gb)]
    if not group:
        labels = ",".join(map(_quoted, asked.participant_label))
        level = "participant" if asked.cohort else "dataset"
        ours += [f"++level={level}", f"++labels=[{labels}]"]
    kept = [word for word in ours if word.split("=", 1)[0].lstrip("+") not in typed]
    return kept, list(asked.settings)


def _parts(word: str) -> list[str]:
    """Split labels at commas; a setting is one word."""
    return [word] if "=" in word else [part for part in word.split(",") if part]


def _cohort(file: str | None) -> list[str]:
    if file is None:
        return list(NOBODYS_COHORT)
    path = Path(file).expanduser()
    if not path.is_file():
        raise UserError(f"--cohort {file}: no such file.")
    if path.parent.name != "cohort" or path.suffix != ".yaml":
        raise UserError(f"--cohort {file}: it must be in a folder named cohort and end in .yaml.")
    folder = path.resolve().parent.parent
    return [f"hydra.searchpath=['file://{folder}']", f"+cohort={path.stem}"]


def _places(asked: argparse.Namespace) -> list[str]:
    places = {
        "source.root": asked.bids_dir,
        "++source.session": asked.session_label,
        "output_dir": asked.output_dir,
        "storage.url": asked.work_dir,
    }
    given = [f"{key}={_quoted(value)}" for key, value in places.items() if value]
    return ["source=bids", *given]


def _workers(n_cpus: int | None, mem_gb: float | None) -> list[str]:
    """Divide CPUs and memory among single-threaded workers with enough memory for one person."""
    if (n_cpus is not None and n_cpus < 1) or (mem_gb is not None and not mem_gb > 0):
        raise UserError(f"--n-cpus {n_cpus} --mem-gb {mem_gb}: both must be above 0.")
    if n_cpus is None and mem_gb is None:
        return []
    n = n_cpus or cores()
    if mem_gb is None:
        return ["cluster=local", f"cluster.workers={n}"]
    n = max(1, min(n, int(mem_gb // MEMORY_GB_A_WORKER)))
    return ["cluster=local", f"cluster.workers={n}", f"++cluster.memory_gb={mem_gb / n:.3g}"]


def _quoted(value: str) -> str:
    return "'" + value.replace("'", r"\'") + "'"
