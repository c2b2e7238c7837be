"""The documents say what is there."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from cem.streams.topics import TOPICS
from tests.builders.source_code import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_links_lead_somewhere(page: Path) -> None:
    """Each relative link of a page names a file of this repository."""
    targets = [target for target in LINK.findall(page.read_text()) if "://" not in target]
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_each_topic_is_on_its_page() -> None:
    """Whoever reads or writes the stream finds each topic on docs/topics.md, which is generated."""
    script = ROOT / "scripts" / "topics_doc.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    page = (ROOT / "docs" / "topics.md").read_text()
    assert [topic.name for topic in TOPICS if f"| `{topic.name}` |" not in page] == []


def test_each_decision_is_listed() -> None:
    """The list of decisions names every page beside it."""
    folder = ROOT / "docs" / "adr"
    listed = set(LINK.findall((folder / "README.md").read_text()))
    assert {path.name for path in folder.glob("0*.md")} <= listed


def test_each_room_is_on_the_map() -> None:
    """The table of rooms in docs/architecture.md names every package and module below `cem`."""
    page = (ROOT / "docs" / "architecture.md").read_text()
    rooms = [
        f"{path.name}/" if path.is_dir() else path.name
        for path in (ROOT / "src" / "cem").iterdir()
        if path.name not in {"__pycache__", "__init__.py", "__main__.py", "py.typed"}
        and (path.suffix == ".py" or (path / "__init__.py").exists())
    ]
    assert [room for room in rooms if f"`{room}`" not in page] == []


def test_each_place_on_the_map_is_there() -> None:
    """Where the architecture page sends somebody, in the code or in the docs, is something."""
    page = (ROOT / "docs" / "architecture.md").read_text()
    named = {name.replace("<topic>", "*") for name in re.findall(r"`([\w./{},*<>-]+)`", page)}
    places = [path for name in named if "/" in name or name.endswith(".py") for path in _each(name)]
    assert len(places) > 100
    bases = (ROOT, ROOT / "src" / "cem", ROOT / "docs")
    assert [place for place in places if not any(any(base.glob(place)) for base in bases)] == []


def _each(name: str) -> list[str]:
    """Return the places that `a/{b,c}.py` names."""
    found = re.fullmatch(r"(.*)\{(.*)\}(.*)", name)
    if found is None:
        return [name.rstrip("/")]
    before, options, after = found.groups()
    return [f"{before}{option}{after}" for option in options.split(",")]


def test_a_stranger_finds_each_folder_and_each_page_from_the_readme() -> None:
    """Its table names every folder of the repository, and links lead from it to every page."""
    readme = ROOT / "README.md"
    ignored = (ROOT / ".gitignore").read_text().split()
    folders = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")}
    folders -= {name.strip("/") for name in ignored}
    assert [name for name in sorted(folders) if f"`{name}/" not in readme.read_text()] == []
    found: set[Path] = set()
    ahead = [readme]
    while ahead:
        page = ahead.pop()
        if page not in found:
            found.add(page)
            links = [
                (page.parent / link).resolve() for link in LINK.findall(page.read_text()) if "://" not in link
            ]
            ahead += [link for link in links if link.suffix == ".md" and link.exists()]
    assert [relative(page) for page in PAGES if page not in found] == []


def test_each_dependency_has_its_reason() -> None:
    """docs/dependencies.md has a row for every dependency, with the floor that pyproject.toml sets."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    required = [*project["dependencies"], *project["optional-dependencies"]["parquet"]]
    page = (ROOT / "docs" / "dependencies.md").read_text()
    rows = {
        line.split("|")[1].split()[0].rstrip(","): line for line in page.splitlines() if line.startswith("| ")
    }
    for requirement in required:
        name, floor = re.fullmatch(r"([a-z-]+)(?:\[\w+\])?>=([\d.]+)", requirement).groups()  # type: ignore[union-attr]
        assert f"| {floor.removesuffix('.0')}" in rows[name], requirement


def test_pages_named_in_the_code_exist() -> None:
    """A message, a comment or a policy file that sends people to a page sends them to one that is there."""
    files = [
        *ROOT.glob("*.toml"),
        *(p for p in (ROOT / "src").rglob("*") if p.suffix in {".py", ".yaml", ".lua"}),
    ]
    named = {page for file in files for page in re.findall(r"docs/[\w./-]+\.md", file.read_text())}
    assert [page for page in sorted(named) if not (ROOT / page).exists()] == []


def test_make_targets_in_the_documents_exist() -> None:
    """A `make` command that a page names is a target of the Makefile."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {name for page in PAGES for name in re.findall(r"`make ([a-z-]+)", page.read_text())}
    assert named <= targets
