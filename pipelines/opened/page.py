"""What a study shows of itself at a prompt and in a notebook."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from rt1t2_dask.pipelines.outputs.dataset import SIMULATED

if TYPE_CHECKING:
    from rt1t2_dask.pipelines.opened.study import Study

OF_CONTRAST = "contrast-"
STYLE = "text-align:left;vertical-align:top"


def facts(study: Study) -> dict[str, str]:
    """Return what a study holds, in lines; no map is read."""
    groups = study.people.get("group")
    counts = {} if groups is None else groups.value_counts().to_dict()
    people = ", ".join(f"{n} {group}" for group, n in counts.items())
    of_maps = "" if study.tested == "smooth" else f" (of maps({study.tested!r}))"
    lines = {
        "people": f"{len(study.people)} ({people})" if people else "",
        "maps": ", ".join(f"maps({stage!r})" for stage in study.map_stages),
        "contrasts": ", ".join(study.contrasts) + of_maps * bool(study.contrasts),
        "tables": ", ".join(n for n in study.tables if not n.startswith(OF_CONTRAST)),
        "folder": study.url,
    }
    return {name: line for name, line in lines.items() if line}


def title(study: Study) -> str:
    """Return the first line."""
    return f"Study {study.cohort}" + (f": {SIMULATED}" if study.simulated else "")


def text(study: Study) -> str:
    """Return what is shown at a prompt."""
    rows = [f"  {name:10s} {line}" for name, line in facts(study).items()]
    return "\n".join([f"<{title(study)}>", *rows])


def page(study: Study) -> str:
    """Return what is shown in a notebook."""
    rows = "".join(
        f'<tr><th style="{STYLE}">{name}</th><td style="{STYLE}">{escape(line)}</td></tr>'
        for name, line in facts(study).items()
    )
    return f"<div><strong>{escape(title(study))}</strong><table>{rows}</table></div>"
