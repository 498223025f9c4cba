"""The typed settings of storage and cluster."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError, model_validator

from rt1t2_dask.config.model import Model
from rt1t2_dask.errors import UserError

MEMORY_GB_A_WORKER = 3.0


class Storage(Model):
    """The data lake; never any credentials."""

    url: Annotated[str, Field(min_length=1)]
    endpoint: str | None = None
    region: str | None = None
    anonymous: bool = False
    profile: str | None = None
    virtual_hosted: bool = False
    account: str | None = None
    retries: Annotated[int, Field(ge=0)] | None = None
    timeout_s: Annotated[float, Field(gt=0)] | None = None
    rechunk: Literal["auto", "never", "always"] = "auto"

    def options(self) -> dict[str, Any]:
        """Return the non-secret options of the store that were set."""
        return self.model_dump(exclude={"url", "rechunk"}, exclude_defaults=True)


class Cluster(Model):
    """Where tasks run."""

    kind: Literal[
        "auto", "synchronous", "threads", "local", "address", "slurm", "pbs", "kubernetes"
    ]
    workers: Annotated[int, Field(ge=1)] | None = None
    memory_gb: Annotated[float, Field(gt=0)] | None = None
    address: str | None = None
    queue: str | None = None
    account: str | None = None
    walltime: Annotated[str, Field(pattern=r"^\d+(:\d\d){1,2}$")] = "12:00:00"
    prologue: tuple[str, ...] = ()
    directives: tuple[str, ...] = ()
    image: str | None = None
    adaptive: bool = False
    dashboard: bool = False
    performance_report: str | None = None

    @model_validator(mode="after")
    def _address_is_used(self) -> Cluster:
        if self.address is not None and self.kind != "address":
            raise ValueError(f"cluster.address={self.address} needs cluster=address, too")
        return self

    @property
    def watched(self) -> bool:
        """Whether workers are monitored (dashboard or performance report)."""
        return self.dashboard or bool(self.performance_report)

    @property
    def worker_gb(self) -> float:
        """Memory of a worker, also where ``memory_gb`` is not set."""
        return self.memory_gb or MEMORY_GB_A_WORKER


def parse_flag(name: str, value: object) -> bool:
    """Return a setting that is true or false; raises UserError for anything else."""
    try:
        return TypeAdapter(bool).validate_python(value)
    except ValidationError:
        raise UserError(f"{name}={value}: write true or false.") from None


_WITH_PASSWORD = re.compile(r"\w[\w+.-]*://[^/?#\s]*:[^/?#\s]*@")


def refuse_passwords(tree: Any, prefix: str = "") -> None:
    """Refuse a setting that is a URL with a password, without showing it.

    Parameters
    ----------
    tree : mapping
        Settings as composed.
    prefix : str
        Opens every key.

    Raises
    ------
    UserError
    """
    for key, text in _texts(tree, prefix):
        if _WITH_PASSWORD.search(text):
            raise UserError(
                f"{key}: its URL must not contain credentials, which settings.yaml and "
                "provenance.json would hand on; they come from the environment."
            )


def _texts(tree: Any, key: str) -> Iterator[tuple[str, str]]:
    if isinstance(tree, Mapping):
        for name, own in tree.items():
            yield from _texts(own, f"{key}.{name}" if key else str(name))
    elif isinstance(tree, list | tuple):
        for own in tree:
            yield from _texts(own, key)
    elif isinstance(tree, str):
        yield key, tree
