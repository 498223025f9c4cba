"""Words in descriptions of DICOM series: no anatomical scan, or one after contrast agent.

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
_AGENT = (
    *("gd", "gado[a-z]*", "post", "km", "contrast", "ce", "dotarem", "clariscan", "magnevist"),
    *("multihance", "omniscan", "prohance"),
)
_NO_AGENT = re.compile(
    r"(?<![a-z])(?:no|non|without|w/?o|ohne|pre|sans|sin|senza|zonder)[ _-]*"
    r"(?:contrast|gd|gado[a-z]*|km|ce|c)(?![a-z])|(?<![a-z])post[ _-]*(?:op|surg|treat)[a-z]*"
)
_PLUS = re.compile(r"\+ ?(?:c|gd|km)(?![a-z])|(?<![a-z])c ?\+")


def _alone(words: tuple[str, ...]) -> str:
    return rf"(?<![a-z])(?:{'|'.join(words)})(?![a-z])"


_NO_ANATOMY = re.compile(f"{'|'.join(_ANYWHERE)}|{_alone(_WORDS)}")
_DENSITY_ALONE = re.compile(_alone(_DENSITY))
_AGENT_ALONE = re.compile(_alone(_AGENT))


def says_no_anatomy(description: str) -> bool:
    """Say whether a description names a scout, a diffusion scan, a map, an angiography, ..."""
    return _NO_ANATOMY.search(description.lower()) is not None


def says_proton_density(description: str) -> bool:
    """Say whether a description names proton density; its late echo is a T2w all the same."""
    return _DENSITY_ALONE.search(description.lower()) is not None


def says_agent(description: str) -> bool:
    """Say whether a description says that contrast agent was given."""
    left = _NO_AGENT.sub(" ", description.lower())
    return (_AGENT_ALONE.search(left) or _PLUS.search(left)) is not None
