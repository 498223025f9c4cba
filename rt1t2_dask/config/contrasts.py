"""The forms a contrast can take in a cohort file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from rt1t2_dask.config.form import Form, require_two
from rt1t2_dask.config.session_contrasts import GroupBySession, Sessions

__all__ = [
    "Anova",
    "AnyForm",
    "Form",
    "Formula",
    "GroupBySession",
    "OneSample",
    "Ordered",
    "Paired",
    "Regression",
    "Sessions",
    "TwoSample",
]

GROUP = "group"
NAME = re.compile(r"[A-Za-z_]\w*")
PLAIN = re.compile(r"[\w\s+\-*:()~]*")
CALL = re.compile(r"\w\s*\(")

Weights = dict[str, float]


class TwoSample(Form):
    """Two groups, first minus second."""

    test: Literal["two_sample"] = "two_sample"
    groups: tuple[str, str]

    @model_validator(mode="after")
    def _differ(self) -> TwoSample:
        require_two(self.groups)
        return self

    @property
    def members(self) -> tuple[str, ...]:
        """Both groups."""
        return self.groups


class OneSample(Form):
    """The mean of one group against ``value``, in the unit of the maps; 0 where none is given."""

    test: Literal["one_sample"]
    group: str
    value: Annotated[float, Field(allow_inf_nan=False)] | None = None

    @property
    def members(self) -> tuple[str, ...]:
        """The group."""
        return (self.group,)


class Paired(TwoSample):
    """Two conditions within pairs, first minus second; ``pair`` is a column."""

    test: Literal["paired"]  # type: ignore[assignment]
    pair: str

    @property
    def columns(self) -> tuple[str, ...]:
        """The column of the pairs too."""
        return (*super().columns, self.pair)

    @property
    def identifiers(self) -> tuple[str, ...]:
        """The column of the pairs too."""
        return (*super().identifiers, self.pair)


class Anova(Form):
    """Any difference between three groups or more (F)."""

    test: Literal["anova"]
    groups: tuple[str, ...]

    @model_validator(mode="after")
    def _are_several(self) -> Anova:
        named = list(dict.fromkeys(self.groups))
        if len(named) < 3 or len(named) < len(self.groups):
            raise ValueError(
                f"anova of {', '.join(self.groups) or 'no group'}: name three different groups or "
                "more; two are a contrast [first, second]"
            )
        return self

    @property
    def members(self) -> tuple[str, ...]:
        """All groups named."""
        return self.groups


class Ordered(Form):
    """The linear trend of the means of three groups or more, in the order named (t).

    ``scores`` spaces the groups, evenly where left out. ``direction`` is that in which every
    neighbouring pair must differ, of the ratio along the list.
    """

    test: Literal["ordered"]
    groups: tuple[str, ...]
    scores: tuple[Annotated[float, Field(allow_inf_nan=False)], ...] | None = None
    direction: Literal["rising", "falling", "either"] = "either"

    @model_validator(mode="after")
    def _is_an_order(self) -> Ordered:
        named = ", ".join(self.groups) or "no group"
        twice = [name for name in self.groups if self.groups.count(name) > 1]
        if twice:
            raise ValueError(f"ordered: {named}: {twice[0]} is named twice; name each group once")
        if len(self.groups) < 3:
            raise ValueError(
                f"ordered: {named}: name three groups or more, in their order; two are a contrast "
                "[first, second]"
            )
        if self.scores is not None:
            self._require_scores(self.scores)
        return self

    def _require_scores(self, scores: tuple[float, ...]) -> None:
        listed = ", ".join(f"{score:g}" for score in scores)
        if len(scores) != len(self.groups):
            raise ValueError(
                f"ordered: scores [{listed}] for {len(self.groups)} groups; write one a group"
            )
        if any(after <= before for before, after in pairwise(scores)):
            raise ValueError(
                f"ordered: scores [{listed}] do not increase; write them increasing along groups"
            )

    @property
    def members(self) -> tuple[str, ...]:
        """All groups named."""
        return self.groups


class Regression(Form):
    """The slope on a score, ``of`` a column, ``within`` one group or several."""

    test: Literal["regression"]
    of: str
    within: Annotated[
        tuple[str, ...], BeforeValidator(lambda v: (v,) if isinstance(v, str) else v)
    ] = ()

    @property
    def members(self) -> tuple[str, ...]:
        """Who takes part."""
        return self.within

    @property
    def columns(self) -> tuple[str, ...]:
        """The score too."""
        return (*super().columns, self.of)


class Formula(Form):
    """A model formula; tested are weights of its columns or one of its terms."""

    test: Literal["formula"]
    formula: str
    weights: Weights | tuple[Weights, ...] | None = None
    of: str | None = None
    groups: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _whole(self) -> Formula:
        if not PLAIN.fullmatch(self.formula) or CALL.search(self.formula):
            raise ValueError(f"formula '{self.formula}': use column names with + - * : ( ) only")
        if (self.weights is None) == (self.of is None):
            raise ValueError(
                f"formula '{self.formula}': state the test, either weights: {{column: weight}} "
                "or of: term"
            )
        if self.covariates:
            raise ValueError(f"formula '{self.formula}': put the covariates into the formula")
        return self

    @property
    def members(self) -> tuple[str, ...]:
        """Who takes part."""
        return self.groups

    @property
    def variables(self) -> tuple[str, ...]:
        """Columns that the formula itself names, apart from the group."""
        return tuple(name for name in dict.fromkeys(NAME.findall(self.formula)) if name != GROUP)

    @property
    def columns(self) -> tuple[str, ...]:
        """Every name of the formula."""
        return (*super().columns, *self.variables)


def _as_form(value: Any) -> Any:
    """Parse the short forms: [first, second], and a mapping with a formula."""
    if isinstance(value, list | tuple):
        return {"test": "two_sample", "groups": value}
    if isinstance(value, Mapping) and "formula" in value:
        return {"test": "formula"} | dict(value)
    return value


AnyForm = Annotated[
    Annotated[
        TwoSample
        | OneSample
        | Paired
        | Sessions
        | GroupBySession
        | Anova
        | Ordered
        | Regression
        | Formula,
        Field(discriminator="test"),
    ],
    BeforeValidator(_as_form),
]
