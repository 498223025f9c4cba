"""Pages of the repository's top in the documentation site, and links that hold in both."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mkdocs.structure.files import File

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

ROOT = Path(__file__).resolve().parents[2]
# README.md is left to those who read the repository: index.md opens the site.
PAGES = ("ARCHITECTURE.md", "CHANGELOG.md", "CODE_OF_CONDUCT.md", "CONTRIBUTING.md")
README = "index.md"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that lie at the top of the repository."""
    for name in PAGES:
        content = re.sub(r"\]\(docs/", "](", (ROOT / name).read_text())
        files.append(File.generated(config, name, content=content.replace("README.md", README)))
    return files


def on_page_content(html: str, **_: Any) -> str:
    """Point the links of notebooks, which are converted as they are, at pages of the site."""
    return re.sub(r'href="((?:\.\./)*[\w-]+)\.md(["#])', r'href="\1.html\2', html)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Point links to the top of the repository at the site's own pages."""
    moved = re.sub(r"\]\(\.\./README\.md", f"]({README}", markdown)
    return re.sub(rf"\]\(\.\./({'|'.join(map(re.escape, PAGES))})", r"](\1", moved)
