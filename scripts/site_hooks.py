"""What the site has beside docs/: two scripts, and words in place of links into the repository.

When it is built every link of every page is followed, to the very heading. Nothing is loaded from elsewhere.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag

ROOT = Path(__file__).parents[1]
SCRIPTS = ROOT / "target" / "docs"
#: A link to a file that is in the repository and not on the site.
_OUTSIDE = re.compile(r"\[([^\]]*)\]\((?:\.\./|(?=[\w./-]+\.(?:json|sample)\)))([^)#]*)[^)]*\)")


def on_files(files: Any, config: Any) -> Any:
    """Adds the scripts; material would load them from elsewhere."""
    from mkdocs.structure.files import File

    for name in ("mermaid.js", "iframe-worker.js"):
        files.append(File.generated(config, f"assets/{name}", abs_src_path=str(SCRIPTS / name)))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """The text of such a link, and the file's name."""

    def words(link: re.Match[str]) -> str:
        text, path = link.group(1), link.group(2)
        return f"`{path}`" if text.strip("`/") == path.strip("/") else f"{text} (`{path}`)"

    return _OUTSIDE.sub(words, markdown)


class _Page(HTMLParser):
    """What a page links to, what it loads, and what in it can be linked to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.loads: set[str] = set()
        self.names: set[str] = {""}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.names.update(given[name] for name in ("id", "name") if name in given)
        if tag == "a" and "href" in given:
            self.links.add(given["href"])
        elif tag == "link" and given.get("rel") not in ("canonical", "prev", "next"):
            self.loads.add(given.get("href", ""))
        elif "src" in given:
            self.loads.add(given["src"])


def on_post_build(config: Any) -> None:
    """Fails for what leads nowhere."""
    from mkdocs.exceptions import PluginError

    site = Path(config.site_dir)
    # The page for what is not there has the paths of a server.
    paths = [path for path in site.rglob("*.html") if path.name != "404.html"]
    pages = {path: _Page(path.read_text(encoding="utf-8")) for path in paths}
    wrong = []
    for path, page in pages.items():
        wrong += [f"{path.name} loads {url}" for url in page.loads if "//" in url]
        for url in page.links | page.loads:
            if ":" in url or url.startswith("//"):
                continue
            file, name = urldefrag(url)
            place = (path.parent / unquote(file)).resolve() if file else path
            if not place.is_file():
                wrong.append(f"{path.name}: there is no {file}")
            elif place in pages and unquote(name) not in pages[place].names:
                wrong.append(f"{path.name}: {place.name} has no #{name}")
    if wrong:
        raise PluginError("links:\n  " + "\n  ".join(sorted(wrong)))
