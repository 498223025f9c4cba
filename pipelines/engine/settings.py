"""The settings of a stage as a frozen model: what a part's key covers of them."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class StageSettings(BaseModel):
    """What decides a stage's results beside its inputs; each stage has a model of its own.

    A setting with a default is left out of the key while it has that default: the default itself
    stands in the module whose text the key covers.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    def plain(self) -> dict[str, Any]:
        """Return the settings in JSON's own types, without those that have their defaults."""
        return self.model_dump(mode="json", exclude_defaults=True)


class NoSettings(StageSettings):
    """Of a stage whose inputs decide everything."""
