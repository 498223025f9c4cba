"""What a source is: where people's images come from, who is there and which files they have."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from concurrent.futures import Executor
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, cast

import pandas as pd

from rt1t2_dask.bids.masks import Choice
from rt1t2_dask.bids.transmit import transmit_map
from rt1t2_dask.config.model import SourceSettings
from rt1t2_dask.config.sources import OF_SESSION
from rt1t2_dask.config.study import (
    BidsSource,
    Config,
    DerivativesSource,
    DicomSource,
    MorphometrySource,
)
from rt1t2_dask.errors import SubjectError, UserError
from rt1t2_dask.pipelines.engine.places import for_person, located, variants
from rt1t2_dask.pipelines.engine.task import InputFile
from rt1t2_dask.pipelines.people.file_columns import named_path
from rt1t2_dask.pipelines.people.kinds import PERSON, SESSION
from rt1t2_dask.pipelines.people.scans import wanted_session
from rt1t2_dask.storage.stores import Store, open_store

if TYPE_CHECKING:
    from rt1t2_dask.pipelines.people.inputs import Found

Settings = TypeVar("Settings", bound=SourceSettings)
Masked = TypeVar("Masked", BidsSource, DicomSource, DerivativesSource)
Files = dict[str, InputFile]
Row = Mapping[str, Any]
Chosen = dict[str, Choice | None]
MASK = "brain_mask"


class Source(Generic[Settings]):
    """Finds people and their files; one kind of source is one subclass.

    Its settings name it (`rt1t2_dask.config.model.SourceSettings.reader`) and tell what is known
    without a look at the data: space, voxel size, whether there are scans or ready-made maps.

    Parameters
    ----------
    config : Config
    """

    columns: ClassVar[tuple[str, ...]] = ("lesion",)
    """Columns of the participants table that name files of people."""
    listed: ClassVar[bool] = True
    """Whether people have a folder or a file each at the top of the dataset."""
    place_is: ClassVar[str] = "folder"
    """What that is."""
    labels_known: ClassVar[bool] = False
    """Whether the dataset itself tells who is in it."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.settings = cast(Settings, config.source)
        self.options = config.storage.options()

    @property
    def store(self) -> Store:
        """The dataset."""
        return open_store(self.settings.root, self.options)

    @property
    def tables(self) -> MorphometrySource:
        """How regional tables are laid out; sources of images have none."""
        raise UserError(f"source={self.settings.kind} holds no regional tables.")

    def missing(self) -> int:
        """Count the people whose files are yet to be written; 0 for real ones."""
        return 0

    def write_missing(self, executor: Executor | None = None) -> None:
        """Write the files of those people."""

    def predicted(self) -> tuple[pd.DataFrame, Found]:
        """Return the participants table, all text, and the files that are to be written."""
        raise NotImplementedError

    def place(self, row: Row) -> str | None:
        """Return what must lie at the top for a person; None where another path is named."""
        return str(row["participant_id"])

    def label_of(self, row: Row) -> str:
        """Return the label in the names of a row's files: of the person, whatever the session."""
        return str(row.get(PERSON, row["participant_id"]))

    def sessions_there(self, label: str, top: Collection[str]) -> set[str]:
        """Return the sessions that a person has.

        Parameters
        ----------
        label : str
            As on disk.
        top : collection of str
            Names at the top of the dataset.
        """
        names = (name.rstrip("/") for name in self.store.children(label) if name.endswith("/"))
        return {name.removeprefix("ses-") for name in names if name.startswith("ses-")}

    def choose(self, row: Row, top: Collection[str]) -> tuple[Chosen, tuple[str, ...]]:
        """Choose a person's files by role, and name the lesion masks that are not read.

        Parameters
        ----------
        row : mapping
            Of the people.
        top : collection of str
            Names at the top of the dataset.

        Raises
        ------
        SubjectError
            A file is missing or the choice is not clear.
        """
        raise NotImplementedError

    def more_files(self, row: Row) -> Files:
        """Return what is no single file of the dataset, with its checksums."""
        return {}


class MaskedSource(Source[Masked]):
    """A source of scans, beside which masks may be named by settings or the participants table."""

    def masks(self, row: Row) -> Chosen:
        """Find the masks that are named; these go before masks found by their BIDS names."""
        named: Chosen = {}
        label = row["participant_id"]
        brain, lesion = (
            pattern and pattern.replace(OF_SESSION, str(row.get(SESSION)))
            for pattern in (self.settings.brain_mask, self.settings.lesion)
        )
        if brain:
            path = self._existing(brain, label)
            if path is None:
                raise SubjectError(
                    f"there is no brain mask {for_person(brain, label)}.",
                    "Add it, or correct source.brain_mask.",
                )
            named[MASK] = Choice(path, "by source.brain_mask")
        if "lesion" in row:
            path = named_path(row, "lesion")
            named["lesion"] = Choice(path, "by the column lesion") if path else None
        elif lesion:
            path = self._existing(lesion, label)
            named["lesion"] = Choice(path, "by source.lesion") if path else None
        if self.config.transmit.slope != "none":
            named["transmit"] = self._transmit(row)
        return named

    def _transmit(self, row: Row) -> Choice:
        """Choose a person's transmit map; raises SubjectError where there is not exactly one."""
        label, pattern = str(row["participant_id"]), self.config.transmit.image
        if pattern is None:
            session = wanted_session(getattr(self.settings, "one_session", None), row)
            return transmit_map(list(self.store.list(f"{label}/")), session)
        pattern = pattern.replace(OF_SESSION, str(row.get(SESSION)))
        path = self._existing(pattern, label)
        if path is None:
            raise SubjectError(
                f"there is no transmit map {for_person(pattern, label)}.",
                "Add it, correct transmit.image, or leave the subject out with cohort.exclude.",
            )
        return Choice(path, "by transmit.image")

    def _existing(self, pattern: str, label: str) -> str | None:
        """Fill a pattern in for a person; None where there is no such file, gzipped or not."""
        for path in variants(for_person(pattern, label)):
            root, name = located(self.settings.root, path)
            if open_store(root, self.options).exists(name):
                return path
        return None


def source_of(config: Config) -> Source[Any]:
    """Return what finds the people and files of a study."""
    module, _, name = config.source.reader.partition(":")
    if not module:
        raise UserError(f"source={config.source.kind} holds no images.")
    found: type[Source[Any]] = getattr(import_module(module), name)
    return found(config)
