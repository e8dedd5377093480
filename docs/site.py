"""What mkdocs asks while it builds the site: the documents of the root folder are pages of it, too."""

from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("ETHICS.md", "TERMS.md", "MODEL_CARD.md", "DATASHEET.md", "CONTRIBUTING.md", "CHANGELOG.md")


def on_files(files: Files, *, config: Any) -> Files:
    """Add README as the first page, and the others by their names."""
    for name in ("README.md", *PAGES):
        text = (ROOT / name).read_text("utf-8").replace("](docs/", "](")
        files.append(File.generated(config, "index.md" if name == "README.md" else name, content=text))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Links from a document to the root folder are links beside it."""
    for name in PAGES:
        markdown = markdown.replace(f"](../{name}", f"]({name}")
    return markdown
