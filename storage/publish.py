"""Publish a finished run: a copy in another store, or a tagged Icechunk snapshot."""

from collections.abc import Collection, Mapping
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from rt1t2_dask.errors import RunError, UserError
from rt1t2_dask.storage.arrays import consolidated
from rt1t2_dask.storage.parts import Lake, Part
from rt1t2_dask.storage.provenance import read_run, run_parts, write_run


def publish(
    lake: Lake, cohort: str, run: str, target: Lake, stages: Collection[str] | None = None
) -> list[Part]:
    """Copy a run's parts to another lake, each with consolidated metadata.

    Parameters
    ----------
    lake : Lake
        Lake of the run.
    cohort, run : str
    target : Lake
        Destination; parts complete there are not copied again.
    stages : collection of str, optional
        Default: all of the run's stages.

    Returns
    -------
    list of Part
        The published parts.

    Raises
    ------
    RunError
        A part is incomplete or its content differs from its checksum.
    """
    document = read_run(lake, cohort, run)
    parts = _chosen(document, stages)
    _refuse_incomplete(lake, parts)
    for part in parts:
        if not target.is_complete(part):
            target.write_objects(part, consolidated(lake.whole(part)), record=lake.record(part))
    write_run(target, cohort, run, {**document, "parts": _by_stage(parts)})
    return parts


def _chosen(document: Mapping[str, Any], stages: Collection[str] | None) -> list[Part]:
    parts = sorted(run_parts(document))
    if stages is None:
        return parts
    unknown = sorted(set(stages) - {part.stage for part in parts})
    if unknown:
        raise UserError(f"The run has no stage {', '.join(unknown)}; nothing was published.")
    return [part for part in parts if part.stage in stages]


def _refuse_incomplete(lake: Lake, parts: list[Part]) -> None:
    stages = {part.stage for part in parts}
    complete = {Part(stage, key) for stage in stages for key in lake.complete_keys(stage)}
    missing = [part.prefix for part in parts if part not in complete]
    if missing:
        raise RunError(
            f"{len(missing)} of {len(parts)} parts are not complete ({missing[0]}). "
            "Run the cohort again, then publish."
        )


def _by_stage(parts: list[Part]) -> dict[str, list[str]]:
    return {
        stage: [part.key for part in parts if part.stage == stage]
        for stage in sorted({part.stage for part in parts})
    }


def publish_icechunk(
    lake: Lake, cohort: str, run: str, url: str, options: Mapping[str, Any] | None = None
) -> str:
    """Commit a run's arrays to an Icechunk repository as one tagged snapshot.

    Parameters
    ----------
    lake : Lake
    cohort, run : str
    url : str
        Local path or ``s3://bucket/prefix`` of the repository, created if there is none.
    options : Mapping, optional
        `endpoint`, `region`, `anonymous`, `virtual_hosted` for s3.

    Returns
    -------
    str
        The tag, ``<cohort>.<run>``; an existing tag is never moved.

    Raises
    ------
    UserError
        icechunk is not installed or the tag exists.
    """
    icechunk = _icechunk()
    parts = _chosen(read_run(lake, cohort, run), None)
    _refuse_incomplete(lake, parts)
    tag = f"{cohort}.{run}"
    repository = icechunk.Repository.open_or_create(_place(icechunk, url, options or {}))
    if tag in set(repository.list_tags()):
        raise UserError(f"{url} has a snapshot {tag} already; tags do not move.")
    session = repository.writable_session("main")
    for part in parts:
        dataset = lake.read(part)
        dataset.to_zarr(
            session.store, group=f"{part.stage}/{part.key}", zarr_format=3, consolidated=False
        )
    snapshot = session.commit(f"{cohort} {run}")
    repository.create_tag(tag, snapshot_id=snapshot)
    return tag


def _icechunk() -> Any:
    try:
        return import_module("icechunk")
    except ImportError as error:
        raise UserError(
            "Publishing to Icechunk needs its package: pip install 'rt1t2-dask[icechunk]'."
        ) from error


def _place(icechunk: Any, url: str, options: Mapping[str, Any]) -> Any:
    split = urlsplit(url)
    if split.scheme in {"", "file"}:
        return icechunk.local_filesystem_storage(split.path)
    if split.scheme != "s3":
        raise UserError(f"{url}: Icechunk snapshots need a local path or s3://.")
    endpoint = options.get("endpoint")
    return icechunk.s3_storage(
        bucket=split.netloc,
        prefix=split.path.strip("/"),
        region=options.get("region"),
        endpoint_url=endpoint,
        allow_http=str(endpoint).startswith("http://"),
        force_path_style=not options.get("virtual_hosted", False),
        from_env=True,
    )
