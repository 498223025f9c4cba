"""The typed cohort: participants, groups and contrasts."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from rt1t2_dask.config.choices import refuse_open_choices
from rt1t2_dask.config.contrasts import GROUP, AnyForm, Form, Formula
from rt1t2_dask.config.model import Model
from rt1t2_dask.config.sites import SitePlace
from rt1t2_dask.naming import names_something

ADJUSTED = "Adjusted"
EXCLUDE = "exclude"


class Rating(Model):
    """What one rater says of one person's images."""

    participant_id: str
    rating: Literal["good", "unsure", "exclude"]
    rater: str = ""
    note: str = ""


class Cohort(Model):
    """Participants, groups and contrasts of a study."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]
    participants: str = "participants.tsv"
    group_column: str = "group"
    groups: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+$")], str]
    reference: str
    contrasts: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9]+$")], AnyForm] = Field(
        default_factory=dict
    )
    covariates: tuple[str, ...] = ()
    adjusted: tuple[str, ...] = ()
    scores: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    ratings: tuple[str, ...] = ()
    # What the files of ratings hold; never printed, since it names people.
    rated: tuple[Rating, ...] = Field(default=(), repr=False)
    onset_column: str = "age_at_onset"
    site_column: str | None = None
    protocol_column: str | None = None
    sites: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9]+$")], SitePlace] = Field(
        default_factory=dict
    )

    @model_validator(mode="before")
    @classmethod
    def _composed(cls, tree: Any) -> Any:
        """Refuse open choices, normalise text to NFC, as tables are read, and drop empty keys."""
        if not isinstance(tree, Mapping):
            return tree
        refuse_open_choices(tree)
        kept = {n: v for n, v in tree.items() if v is not None or n not in MAY_BE_EMPTY}
        return _nfc(kept)

    @field_validator("ratings", mode="before")
    @classmethod
    def _one_or_several(cls, paths: Any) -> Any:
        given = (paths,) if isinstance(paths, str) else paths or ()
        return tuple(path for path in given if path)

    @field_validator("rated", mode="before")
    @classmethod
    def _only_from_files(cls, rated: Any) -> Any:
        if rated:
            raise ValueError("ratings are read from files; give their paths by cohort.ratings")
        return rated

    @field_validator("groups", mode="before")
    @classmethod
    def _values_are_text(cls, groups: Any) -> Any:
        if not isinstance(groups, Mapping):
            return groups
        for name, value in groups.items():
            if isinstance(value, bool) or value is None:
                raise ValueError(
                    f"cohort.groups.{name}: YAML reads this value as {value}; write it in quotes"
                )
            if not isinstance(value, str | int | float):
                raise ValueError(
                    f"cohort.groups.{name} takes one value of cohort.group_column; write one "
                    f"value for both into a column of the participants table, or make two groups"
                )
        return {name: str(value).strip() for name, value in groups.items()}

    @model_validator(mode="after")
    def _names_exist(self) -> Cohort:
        known = ", ".join(self.groups)
        values = list(self.groups.values())
        twice = [value for value in values if values.count(value) > 1]
        if twice:
            raise ValueError(
                f"cohort.groups: two groups have the value {twice[0]}; give each its own"
            )
        if self.reference not in self.groups:
            turned = "; write groups as name: value" if self.reference in values else ""
            raise ValueError(
                f"cohort.reference={self.reference} is not one of the groups {known}{turned}"
            )
        for name, form in self.contrasts.items():
            unknown = [group for group in form.members if group not in self.groups]
            if unknown:
                raise ValueError(
                    f"cohort.contrasts.{name} names {unknown[0]}, which is not one of "
                    f"the groups {known}"
                )
            if name.removesuffix(ADJUSTED) in self.contrasts and name.endswith(ADJUSTED):
                raise ValueError(
                    f"cohort.contrasts.{name}: the name is reserved for the adjusted form of "
                    f"{name.removesuffix(ADJUSTED)}; choose another"
                )
        return self

    @model_validator(mode="after")
    def _group_is_taken(self) -> Cohort:
        """Refuse a column with the reserved name of the group column."""
        if self.group_column != GROUP and GROUP in (*self.adjusted, *self.columns):
            raise ValueError(
                f"cohort.group_column={self.group_column}: {GROUP} is reserved for the groups, "
                f"so covariates, pairs and blocks cannot use the column {GROUP} of "
                f"{self.participants}; rename it there"
            )
        return self

    @property
    def rated_out(self) -> frozenset[str]:
        """Labels that some rater excludes."""
        return frozenset(one.participant_id for one in self.rated if one.rating == EXCLUDE)

    @property
    def identifiers(self) -> tuple[str, ...]:
        """Columns whose values are names: site, protocol, blocks and pairs."""
        used = [name for form in self.contrasts.values() for name in form.identifiers]
        named = filter(names_something, self.columns)
        own = filter(None, (self.site, self.protocol_column))
        return tuple(dict.fromkeys((*own, *used, *named)))

    def every_contrast(self) -> dict[str, Form]:
        """Return all contrasts with their covariates; adjusted ones follow the unadjusted."""
        found: dict[str, Form] = {}
        for name, form in self.contrasts.items():
            named = self.covariates if form.covariates is None else form.covariates
            # A formula holds its covariates itself.
            own = () if isinstance(form, Formula) else tuple(dict.fromkeys(named))
            more = self.adjusted if form.adjusted is None else form.adjusted
            found[name] = form.with_covariates(own)
            if more and not isinstance(form, Formula):
                both = tuple(dict.fromkeys((*own, *more)))
                found[name + ADJUSTED] = form.with_covariates(both)
        return found

    @property
    def site(self) -> str | None:
        """Column of the site; None for one site."""
        return self.site_column or ("site" if self.sites else None)

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the participants table that the contrasts read."""
        used = [c for form in self.every_contrast().values() for c in form.columns]
        site = self.site_column if self.site_column and not self.sites else None
        own = filter(None, (site, self.protocol_column))
        return tuple(dict.fromkeys((*self.covariates, *used, *own, *self.scores)))


MAY_BE_EMPTY = (
    *("contrasts", "covariates", "adjusted", "scores", "categorical", "exclude", "ratings"),
    "sites",
)


def _nfc(value: Any) -> Any:
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)
    if isinstance(value, Mapping):
        return {_nfc(name): _nfc(own) for name, own in value.items()}
    return [_nfc(own) for own in value] if isinstance(value, list | tuple) else value
