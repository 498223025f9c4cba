"""Words in DICOM series descriptions that mark a scan as not anatomical.

A word counts where no letter stands before or after it: ``loc`` is one in ``3plane_loc``, not in
``dislocation``. Which contrast it is, words do not decide.
"""

from __future__ import annotations

import re

_ANYWHERE = ("locali[sz]er", "scout", "survey", "fmri")
_WORDS = (
    *("loc", "pilot", "smartbrain", "planscan", "calib(?:ration)?", "ref[ _-]?scan"),
    *("dwi", "dti", "diff(?:usion)?", "adc", "swi", "p?c?asl", "perf(?:usion)?", "bold"),
    *("field[ _-]?map(?:ping)?", "b[01][ _-]?map(?:ping)?", "tof", "angio(?:gra(?:phy|m))?", "mra"),
    *("mip", "phase[ _-]?(?:map|contrast|image)s?", "subtraction"),
)
_DENSITY = ("pdw", "proton(?:[ _-]?density)?")


def _alone(words: tuple[str, ...]) -> str:
    return rf"(?<![a-z])(?:{'|'.join(words)})(?![a-z])"


_NO_ANATOMY = re.compile(f"{'|'.join(_ANYWHERE)}|{_alone(_WORDS)}")
_DENSITY_ALONE = re.compile(_alone(_DENSITY))


def says_no_anatomy(description: str) -> bool:
    """Return whether a description names a scout, a diffusion scan, a map, an angiogram, ..."""
    return _NO_ANATOMY.search(description.lower()) is not None


def says_proton_density(description: str) -> bool:
    """Return whether a description names proton density; its late echo is still a T2w."""
    return _DENSITY_ALONE.search(description.lower()) is not None
