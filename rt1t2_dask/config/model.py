"""What all settings share."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """Strict about keys, so that a typing mistake never passes silently."""

    model_config = ConfigDict(extra="forbid", frozen=True)
