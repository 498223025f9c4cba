"""The command line: the only place that knows Hydra."""

from __future__ import annotations

import argparse
import itertools
import logging
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from hydra import compose, initialize_config_module
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException
from yaml import MarkedYAMLError, YAMLError

from rt1t2_dask import __version__
from rt1t2_dask.cli import bids_app
from rt1t2_dask.cli.completion import completion_script
from rt1t2_dask.cli.overrides import (
    explained,
    in_composing,
    prepared,
    searched,
    searching,
    yaml_fault,
)
from rt1t2_dask.cli.sweep_names import folder_names
from rt1t2_dask.cli.yaml_files import check_files
from rt1t2_dask.config.places import parse_flag
from rt1t2_dask.config.study import Config, parse, parse_storage
from rt1t2_dask.errors import RunError, UserError

DONE, FAULT, WRONG_INPUT, INTERRUPTED = 0, 1, 2, 130
TOO_DEEP = "lists or mappings are nested too deeply; write them flat."
OF_LAKES = ("storage", "dry_run", "cohort", "hydra")

HELP = """rt1t2-dask {version}: T1w/T2w ratio maps, group contrasts and receptor correlations.

  python -m rt1t2_dask +cohort=NAME [group=choice] [key=value]

Cohorts: {cohorts}

  +cohort=psp                            the embedded study, on simulated heads
  +cohort=psp dry_run=true               what would be done, and how much of it
  +cohort=psp check=true                 what is wrong with a study, in seconds
  lake=status                            what the lake holds; lake=verify, lake=gc,
                                         lake=publish to=PLACE
  init my_study source.root=DATASET      look at your own scans, draft my_study's YAML
  --config-dir my_study +cohort=my_study source=bids source.root=DATASET
                                         your own study
  completion=bash                        a script for the tab key: source <(...)
  -m +cohort=psp smooth.fwhm_mm=6,8      a sweep over settings

Every setting: docs/reference.md. First steps: docs/tutorial.md.
"""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """One run: its overrides and, in a sweep, its folder and the swept settings."""

    overrides: tuple[str, ...]
    folder: str = ""
    changed: Mapping[str, str] = field(default_factory=dict)


def command(arguments: Sequence[str]) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str
        Without the program's name.

    Returns
    -------
    int
        0 done, 1 some subjects failed or a run-time error, 2 wrong input, 130 interrupted.
    """
    try:
        return _command(arguments)
    except UserError as error:
        return _say(error, WRONG_INPUT)
    except RunError as error:
        return _say(error, FAULT)
    except KeyboardInterrupt:
        return _say(
            "stopped; finished parts are kept, run the same command to continue", INTERRUPTED
        )
    except Exception as error:
        if os.environ.get("RT1T2_DEBUG"):
            raise
        text = f"{type(error).__name__}: {error}\nSet RT1T2_DEBUG=1 to see where."
        return _say(text, FAULT)


def _say(message: object, code: int) -> int:
    sys.stderr.write(f"rt1t2-dask: {message}\n")
    return code


def _command(arguments: Sequence[str]) -> int:
    if bids_app.is_asked(arguments):
        ours, typed = bids_app.overrides(arguments)
        return _study(_configure(Job((*ours, *prepared(typed, (), sweep=False)))))
    asked = _parser().parse_intermixed_args(list(arguments))
    if asked.help:
        _help(_search_path(asked.config_dir))
        sys.stdout.write("\n" + bids_app.parser().format_help())
        return DONE
    if asked.overrides[:1] == ["init"]:
        return _init(asked.overrides[1:])
    shells = [w.removeprefix("completion=") for w in asked.overrides if "completion=" in w]
    if shells:
        sys.stdout.write(completion_script(shells[-1], _groups()))
        return DONE
    found = _search_path(asked.config_dir)
    actions = [word.removeprefix("lake=") for word in asked.overrides if word.startswith("lake=")]
    if actions:
        if len(actions) > 1:
            raise UserError(f"lake={', lake='.join(actions)}: name one of them.")
        words = [w for w in asked.overrides if not w.startswith("lake=")]
        return _upkeep(actions[0], words, found)
    overrides = found + prepared(asked.overrides, _cohorts(found), asked.multirun)
    if not any(word.lstrip("+").startswith("cohort=") for word in overrides):
        return _help(found)
    jobs = list(_jobs(overrides, asked.multirun))
    return _sweep(jobs) if asked.multirun else _study(_configure(jobs[0]))


def _help(found: Sequence[str]) -> int:
    sys.stdout.write(HELP.format(version=__version__, cohorts=", ".join(_cohorts(found))))
    return WRONG_INPUT


def _init(words: Sequence[str]) -> int:
    from rt1t2_dask.pipelines.study.init import run_init

    root = [word.removeprefix("source.root=") for word in words if word.startswith("source.root=")]
    names = [word for word in words if "=" not in word]
    if len(names) != 1 or len(root) != 1:
        raise UserError("init needs a name and a dataset: init my_study source.root=DATASET")
    return run_init(names[0], root[0])


def _study(config: Config) -> int:
    from rt1t2_dask.pipelines.study.run import run_study

    return run_study(config)


def _sweep(jobs: Sequence[Job]) -> int:
    """Check every job's settings before the first one starts."""
    from rt1t2_dask.pipelines.study.sweep import SweepJob, run_sweep

    configs = [_configure(job) for job in jobs]
    named = [
        SweepJob(config, job.folder, job.changed) for config, job in zip(configs, jobs, strict=True)
    ]
    folder = configs[0].output_dir.removesuffix(jobs[0].folder).rstrip("/")
    return run_sweep(named, folder)


def _upkeep(action: str, words: Sequence[str], found: Sequence[str]) -> int:
    from rt1t2_dask.pipelines.engine.upkeep import run_upkeep
    from rt1t2_dask.pipelines.outputs.publishing import WORDS, run_publish

    asked = dict(word.split("=", 1) for word in words if "=" in word)
    ours = {k: v for k, v in asked.items() if action == "publish" and k in WORDS}
    others = [word for word in words if word.split("=", 1)[0] not in ours]
    strange = [word for word in others if not word.lstrip("+").startswith(OF_LAKES)]
    if strange:
        raise UserError(
            f"lake={action} takes storage settings and dry_run"
            f"{', '.join(['', *WORDS]) if action == 'publish' else ''}; not {strange[0]}."
        )
    composed = _composed([*found, *prepared(others, _cohorts(found), sweep=False)])
    storage = parse_storage(OmegaConf.to_container(composed.storage, resolve=True))
    dry_run = parse_flag("dry_run", composed.dry_run)
    if action == "publish":
        return run_publish(storage, ours, dry_run)
    return run_upkeep(action, storage, dry_run)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}; settings are written key=value, the study +cohort=NAME.")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="rt1t2-dask",
        add_help=False,
    )
    parser.add_argument("-h", "--help", action="store_true")
    parser.add_argument("overrides", nargs="*", help="+cohort=NAME and settings to change")
    parser.add_argument("-m", "--multirun", action="store_true", help="sweep over key=a,b,c")
    parser.add_argument("--config-dir", help="a folder with your own cohort/NAME.yaml")
    parser.add_argument("--version", action="version", version=__version__)
    return parser


def _search_path(config_dir: str | None) -> list[str]:
    if config_dir is None:
        return []
    folder = Path(config_dir)
    if not folder.is_dir():
        raise UserError(f"--config-dir {config_dir}: no such folder.")
    return [searching(folder.resolve())]


def _groups() -> dict[str, list[str]]:
    """List the config groups and their choices."""
    from importlib.resources import files

    folders = [item for item in files("rt1t2_dask.conf").iterdir() if item.is_dir()]
    names = {
        folder.name: sorted(
            Path(item.name).stem for item in folder.iterdir() if item.name.endswith(".yaml")
        )
        for folder in folders
    }
    return {name: choices for name, choices in sorted(names.items()) if choices}


def _cohorts(overrides: Sequence[str]) -> list[str]:
    """List the shipped cohorts and those in the user's folder."""
    from importlib.resources import files

    own = [folder for word in overrides if (folder := searched(word)) is not None]
    shipped = files("rt1t2_dask.conf") / "cohort"
    names = {Path(item.name).stem for item in shipped.iterdir() if item.name.endswith(".yaml")}
    for folder in own:
        names |= {path.stem for path in (folder / "cohort").glob("*.yaml")}
    return sorted(names)


def _jobs(overrides: Sequence[str], multirun: bool) -> Iterator[Job]:
    if not multirun:
        yield Job(tuple(overrides))
        return
    try:
        parsed = OverridesParser.create().parse_overrides(list(overrides))
    except HydraException as error:
        raise UserError(_first_lines(error)) from None
    choices = [
        [f"{item.get_key_element()}={value}" for value in item.sweep_string_iterator()]
        if item.is_sweep_override()
        else [word]
        for item, word in zip(parsed, overrides, strict=True)
    ]
    swept = [item.is_sweep_override() for item in parsed]
    every = list(itertools.product(*choices))
    chosen = [
        [w.lstrip("+") for w, own in zip(words, swept, strict=True) if own] for words in every
    ]
    changed = [dict(word.split("=", 1) for word in words) for words in chosen]
    for words, name, settings in zip(every, folder_names(changed), changed, strict=True):
        yield Job(words, name, settings)


def _composed(overrides: Sequence[str]) -> DictConfig:
    check_files(overrides)
    try:
        with initialize_config_module("rt1t2_dask.conf", version_base="1.3"):
            return compose("config", overrides=list(overrides))
    except HydraException as error:
        wrong = next((word for word in overrides if not _is_readable(word)), None)
        if wrong:
            raise UserError(
                f"{wrong.lstrip('+')}: cannot be parsed; put the value in quotes within quotes."
            ) from None
        raise UserError(explained(_first_lines(error))) from None
    except MarkedYAMLError as error:
        mark = error.problem_mark
        place = (mark.name, mark.line + 1) if mark else ("a YAML file", 0)
        raise UserError(yaml_fault(str(error.problem), *place)) from None
    except (YAMLError, UnicodeDecodeError) as error:
        raise UserError(
            f"{_named_by(overrides)}: {' '.join(str(error).split())}; save it as text in UTF-8."
        ) from None
    except RecursionError:
        raise UserError(f"{_named_by(overrides)}: {TOO_DEEP}") from None
    except OSError as error:  # a name longer than any file's
        raise UserError(f"the settings cannot be read: {error.strerror}; shorten it.") from None
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise UserError(
            f"the settings cannot be composed ({error}); a list is set as a whole, as key=[a,b]."
        ) from None


def _named_by(overrides: Sequence[str]) -> str:
    """Name the file of the study: libraries do not always say which they could not read."""
    names = [
        word.rpartition("=")[2] for word in overrides if word.lstrip("+").startswith("cohort=")
    ]
    return f"cohort/{names[-1]}.yaml" if names else "a YAML file"


def _is_readable(word: str) -> bool:
    try:
        OverridesParser.create().parse_override(word)
    except HydraException:
        return False
    return True


def configured(words: Sequence[str], config_dir: str | None = None) -> Config:
    """Compose and check the settings of one study, as the command line does.

    Parameters
    ----------
    words : sequence of str
        The cohort and settings, as on the command line.
    config_dir : str, optional
        A folder with your own ``cohort/NAME.yaml``.

    Raises
    ------
    UserError
        A word or a setting is wrong.
    """
    found = _search_path(config_dir)
    return _configure(Job((*found, *prepared(words, _cohorts(found), sweep=False))))


def _configure(job: Job) -> Config:
    try:
        composed = _composed(job.overrides)
        if job.folder:
            composed.output_dir = str(Path(composed.output_dir) / job.folder)
        tree = OmegaConf.to_container(composed, resolve=True, throw_on_missing=True)
    except MissingMandatoryValue as error:
        raise UserError(f"{error.full_key} is missing; set {error.full_key}=...") from None
    except OmegaConfBaseException as error:
        hint = "; an environment variable is ${oc.env:NAME}" if "Interp" in str(error) else ""
        raise UserError(f"{_first_lines(error)}{hint}.") from None
    except RecursionError:
        raise UserError(f"{_named_by(job.overrides)}: {TOO_DEEP}") from None
    return parse(tree)  # type: ignore[arg-type]


def _first_lines(error: Exception) -> str:
    """Shorten Hydra's message to the error and the choices."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines and error.__cause__ is not None:
        return in_composing(str(error.__cause__))
    kept = list(itertools.takewhile(lambda line: not line.startswith("Config search path"), lines))
    head, *rest = kept or [type(error).__name__]
    if rest and rest[0].startswith("Available options"):
        return f"{head} {rest[0]} {', '.join(rest[1:])}."
    if head.startswith("Could not override"):
        return f"{head} There is no such setting; check its spelling."
    return head
