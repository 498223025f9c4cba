"""The brain mask on label heads, through the pipeline's own steps from the raw T1w.

The truth is `LabelHead.brain`: tissue and ventricles closed over the sulci by 6 mm. A mask that
reaches the skull would score better against a truth with all fluid in it, and a mask of tissue
alone against tissue alone; the paper's ratio is of tissue, so the fluid outside counts as error.
"""

from __future__ import annotations

import time

import numpy as np
from heads.label_heads import LabelHead, build
from heads.template_head import template_head
from numpy.typing import NDArray

from rt1t2_dask.images.bias import correct
from rt1t2_dask.images.brain.foreground import foreground
from rt1t2_dask.images.brain.mask import extract
from rt1t2_dask.images.volume import Volume


def run(people: int) -> dict[str, float]:
    """Give the mean and the worst Dice of the masks."""

    found, seconds = [], []
    template = template_head()
    for person in range(1, people + 1):
        head = build(person)
        t1w = corrected(head)
        start = time.process_time()
        mask = extract(t1w, template.t1w, template.brain).mask.data
        seconds.append(time.process_time() - start)
        truth = head.brain
        found.append(dice(mask, truth))
        missed, extra = (truth & ~mask).sum() / 1e3, (mask & ~truth).sum() / 1e3
        print(
            f"person {person}: Dice {found[-1]:.4f}, missed {missed:.0f} ml, extra {extra:.0f} ml "
            f"of {truth.sum() / 1e3:.0f}; {seconds[-1]:.1f} CPU s without greedy",
            flush=True,
        )
    return {"brain_dice_mean": float(np.mean(found)), "brain_dice_min": min(found)}


def corrected(head: LabelHead) -> Volume:
    """Give the T1w without its bias field, as stage `bias` does."""
    return correct(head.t1w, foreground(head.t1w)).corrected


def dice(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Give the overlap of two masks, 0 to 1."""
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))
