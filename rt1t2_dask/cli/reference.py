"""The reference page, from the models and the YAML: ``python -m rt1t2_dask.cli.reference``."""

from __future__ import annotations

import re
import sys
from importlib.resources import files
from importlib.resources.abc import Traversable

import yaml

from rt1t2_dask.config.keys import Setting, settings
from rt1t2_dask.config.study import Config

COMMENT = re.compile(r"^(?P<indent> *)(?P<key>[\w<>]+):(?P<value>[^#]*)(#\s*(?P<said>.*))?$")
DEFAULTS = {
    "calibration": "eb_gain",
    "normalise": "lncc",
    "storage": "lake",
    "cluster": "auto",
    "share": "none",
    "surface": "none",
}
WORDS = {"None": "null", "True": "true", "False": "false", "???": "to be given"}
HEAD = """# Reference

Every setting, written from the code by `python -m rt1t2_dask.cli.reference`: what it takes, its
default, what it means. On the command line: `key=value`; in a cohort file the keys of `cohort`
stand at the top.
"""


def page() -> str:
    """Write the reference page in Markdown."""
    conf = files("rt1t2_dask.conf")
    text, defaults = _comments(conf / "config.yaml", ""), _values(conf / "config.yaml", "")
    groups = sorted((f for f in conf.iterdir() if f.is_dir()), key=lambda f: f.name)
    lines = [HEAD, "## Groups", "", "`group=choice` takes the file `conf/group/choice.yaml`.", ""]
    lines += ["| group | choice | what |", "|---|---|---|"]
    for folder in groups:
        for file in sorted(folder.iterdir(), key=lambda f: f.name):
            if file.name.endswith(".yaml"):
                choice = file.name.removesuffix(".yaml")
                lines.append(f"| `{folder.name}` | `{choice}` | {_first_comment(file)} |")
    for section, own in _sections().items():
        group, _, choice = section.partition("=")
        known, words = _of_section(conf / group, choice or DEFAULTS.get(group, ""))
        lines += ["", f"## {section}", "", "| setting | takes | default | what |"]
        lines += ["|---|---|---|---|"]
        lines += [_row(setting, defaults | known, text | words) for setting in own]
    return "\n".join(lines) + "\n"


def _of_section(folder: Traversable, choice: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return defaults and comments of a group's choice, with comments of other choices."""
    file = folder / f"{choice}.yaml"
    if not file.is_file():
        return {}, {}
    words = {} if folder.name == "source" else _of_all(folder)
    return _values(file, folder.name), words | _comments(file, f"{folder.name}.")


def _of_all(folder: Traversable) -> dict[str, str]:
    found: dict[str, str] = {}
    for file in sorted(folder.iterdir(), key=lambda f: f.name):
        if file.name.endswith(".yaml"):
            found = _comments(file, f"{folder.name}.") | found
    return found


def _sections() -> dict[str, list[Setting]]:
    found: dict[str, list[Setting]] = {}
    for setting in settings(Config):
        top = setting.key.split(".")[0] if "." in setting.key else "The run"
        section = f"{top}={setting.of}" if setting.of else top
        if not setting.key.endswith(".kind"):
            found.setdefault(section, []).append(setting)
    return found


def _row(setting: Setting, defaults: dict[str, str], text: dict[str, str]) -> str:
    default = defaults.get(setting.key, "")
    shown = f"`{default}`" if default else ""
    cells = (f"`{setting.key}`", setting.kind, shown, text.get(setting.key, ""))
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _first_comment(file: Traversable) -> str:
    lines = file.read_text(encoding="utf-8").splitlines()
    words = [line.removeprefix("# ") for line in lines if line.startswith("# ")]
    return next((w.replace("|", "\\|") for w in words if not w.startswith("@package")), "")


def _values(file: Traversable, prefix: str) -> dict[str, str]:
    def walk(tree: object, path: str) -> dict[str, str]:
        if not isinstance(tree, dict):
            return {path: WORDS.get(str(tree), str(tree).replace("'", ""))}
        found: dict[str, str] = {}
        for key, value in tree.items():
            found |= walk(value, f"{path}.{key}".lstrip("."))
        return found or {path: "{}"}

    tree = yaml.safe_load(file.read_text(encoding="utf-8"))
    tree.pop("defaults", None)
    return walk(tree, prefix.rstrip("."))


def _comments(file: Traversable, prefix: str) -> dict[str, str]:
    """Return each key's comment: on its line, else the lines above."""
    found: dict[str, str] = {}
    path: list[tuple[int, str]] = []
    above: list[str] = []
    lines = file.read_text(encoding="utf-8").splitlines()
    opening = next((k for k, line in enumerate(lines) if not line.startswith("#")), 0)
    for line in lines[opening:]:
        if line.strip().startswith("#"):
            above.append(line.strip().lstrip("# "))
            continue
        match = COMMENT.match(line)
        if match:
            indent = len(match["indent"])
            path = [*(p for p in path if p[0] < indent), (indent, match["key"])]
            key = prefix + ".".join(name for _, name in path)
            found[key] = match["said"] or " ".join(above)
        above = []
    return {key: words for key, words in found.items() if words}


if __name__ == "__main__":
    sys.stdout.write(page())
