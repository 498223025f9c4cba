"""A study in Python: open a finished one, or run one and open it."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any

from rt1t2_dask.errors import RunError, UserError

if TYPE_CHECKING:
    from rt1t2_dask.config.study import Config
    from rt1t2_dask.pipelines.opened.study import Study


OPTIONS = (
    *("endpoint", "region", "anonymous", "profile", "account"),
    *("virtual_hosted", "retries", "timeout_s"),
)
"""Keywords about a bucket."""


def open_study(
    place: str | PathLike[str],
    *,
    cohort: str | None = None,
    run: str = "",
    lake: str | PathLike[str] | None = None,
    **storage: Any,
) -> Study:
    """Open a finished study; nothing is read of its maps before it is asked for.

    Parameters
    ----------
    place : str or path
        Path or URL (``s3://``, ``gs://``, ``az://``) of a study's output folder, or of a lake.
    cohort : str, optional
        Which study of a lake: the newest finished run of this cohort.
    run : str
        Beginning of a run's name, where another than the newest is meant.
    lake : str or path, optional
        Where the lake of an output folder lies now, if it was moved.
    **storage
        ``endpoint``, ``region``, ``anonymous``, ``profile``, ``account``, ``virtual_hosted``,
        ``retries``, ``timeout_s`` of a bucket; credentials come from the environment.

    Returns
    -------
    Study
        ``people``, ``maps()``, ``regions``, ``contrasts``, ``receptors``, ``quality``, ``tables``,
        ``report``.

    Raises
    ------
    UserError
        There is no study, it is not finished, or an argument makes no sense.
    """
    from rt1t2_dask.pipelines.opened.find import find_study
    from rt1t2_dask.pipelines.opened.study import Study

    _refuse_unknown(storage)
    where = _path("place", place)
    moved = None if lake is None else _path("lake", lake)
    return Study(find_study(where, storage, cohort, run, moved))


def _path(name: str, given: Any) -> str:
    """Return a path or URL that was given, as text."""
    found = fspath(given) if isinstance(given, str | PathLike) else None
    if not isinstance(found, str) or not found.strip():
        raise UserError(
            f"open_study({name}={given!r}): give a path or URL, as text or as a pathlib.Path."
        )
    return found


def _refuse_unknown(storage: Mapping[str, Any]) -> None:
    unknown = sorted(set(storage) - set(OPTIONS))
    if unknown:
        raise UserError(
            f"open_study() has no keyword {', '.join(unknown)}; there are: cohort, run, lake, "
            f"{', '.join(OPTIONS)}. Credentials come from the environment."
        )


def run(cohort: str, *overrides: str, config_dir: str | PathLike[str] | None = None) -> Study:
    """Run a study as the command line does, and open it.

    Parameters
    ----------
    cohort : str
        Name of the cohort's file.
    *overrides : str
        Settings as on the command line, such as ``"smooth.fwhm_mm=8"``.
    config_dir : str or path, optional
        A folder with your own ``cohort/NAME.yaml``.

    Returns
    -------
    Study

    Raises
    ------
    UserError
        Wrong input, or settings that make no study that can be opened.
    RunError
        Somebody could not be processed, or a fault at run time.
    """
    from rt1t2_dask.cli.command_line import configured
    from rt1t2_dask.pipelines.study.run import run_study

    strange = [word for word in overrides if not isinstance(word, str)]
    if strange:
        raise UserError(
            f"run: {strange[0]!r} is no setting; write each as on the command line, such as "
            '"smooth.fwhm_mm=8".'
        )
    folder = None if config_dir is None else fspath(config_dir)
    config = configured((f"+cohort={cohort}", *overrides), folder)
    _refuse_what_makes_no_study(config)
    if run_study(config) and not config.allow_failures:
        raise RunError(
            f"somebody could not be processed: {config.output_dir}/failures.tsv says who and why. "
            "Correct that, or study the others with allow_failures=true."
        )
    return open_study(config.output_dir, **config.storage.options())


def _refuse_what_makes_no_study(config: Config) -> None:
    asked = {
        "dry_run=true": config.dry_run,
        "check=true": config.check,
        f"level={config.level}": config.level != "study",
        f"stage={config.stage}": config.stage is not None,
        "share=export": config.share.kind == "export",
    }
    wrong = [words for words, is_so in asked.items() if is_so]
    if wrong:
        raise UserError(
            f"run() returns a finished study, which {wrong[0]} does not make; leave it out, or "
            "use the command line."
        )
