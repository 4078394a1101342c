"""What the pages say is true: generated tables, links, examples, targets; and they tell of no one machine."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from reference import ROOT, pages

from tidemill.adapters.samples import sample_bars
from tidemill.model.answers import REASONS, REFUSALS
from tidemill.model.enums import Reason, Refusal
from tidemill.services.backtests import backtest

DOCS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)|<img[^>]+src=\"([^\"]+)\"")
ROW = re.compile(r"^\| (\d+) \| (.+?) \| (done|partly|planned) \| (.*) \|$", re.MULTILINE)
CODE_PATH = re.compile(r"`((?:src|tests|docs|bench|\.ci)/[\w./-]+|Makefile|pyproject\.toml)`")
NUMBERS = 348
# Put together here, so that this file does not hold what it looks for.
MACHINE = [
    "/" + "work/main",
    "/" + "work/shared",
    "/" + "root/",
    "py" + "pi.org",
    "python" + "hosted",
    "npmjs" + ".org",
    " --index" + "-url",
    " --trusted" + "-host",
]


def tracked() -> list[Path]:
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run([git, "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("path", pages(), ids=lambda path: path.name)
def test_a_page_made_from_the_code_is_up_to_date(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == pages()[path], "run `make docs`"


def test_every_refusal_and_reason_has_a_sentence() -> None:
    assert set(REFUSALS) == set(Refusal)
    assert set(REASONS) == set(Reason)


@pytest.mark.parametrize("page", DOCS, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    targets = [first or second for first, second in LINK.findall(page.read_text(encoding="utf-8"))]
    inner = [target.partition("#")[0] for target in targets if "://" not in target and not target.startswith("#")]
    assert [target for target in inner if not (page.parent / target).exists()] == []


def test_the_readme_example_runs(tmp_path: Path) -> None:
    block = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    path = tmp_path / "golden_cross.py"
    path.write_text(block[1], encoding="utf-8")
    result = backtest(str(path), sample_bars(), form="compiled")
    assert len(result.record.trips) > 0
    assert result.record.prefix_invariant is True


def test_the_readme_names_only_targets_that_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    told = set()
    for page in DOCS:
        told |= set(re.findall(r"(?:^ +|`)make ([a-z-]+)", page.read_text(encoding="utf-8"), re.MULTILINE))
    assert "run" in told and told <= targets


def test_make_help_lists_every_target() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
    phony = re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    assert phony is not None
    make = shutil.which("make")
    if make is None:
        pytest.skip("make is not installed")
    told = subprocess.run([make, "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert sorted(re.findall(r"^  make ([a-z-]+) ", told, re.MULTILINE)) == sorted(phony[1].split())


def test_nothing_tells_of_one_machine_or_of_a_registry() -> None:
    found = []
    for path in tracked():
        if path.suffix in {".png", ".gz", ".parquet", ".woff2"}:
            continue
        text = path.read_text(encoding="utf-8")
        found += [f"{path.relative_to(ROOT)}: {word}" for word in MACHINE if word in text]
    assert found == []


def test_lock_files_hold_hashes_and_no_address() -> None:
    for path in (ROOT / "requirements").glob("*.lock"):
        text = path.read_text(encoding="utf-8")
        assert "://" not in text and "--find-links" not in text
        blocks = re.split(r"\n(?=[A-Za-z0-9])", text)
        assert [block[:40] for block in blocks if "==" in block and "--hash=sha256:" not in block] == []


def test_lock_files_hold_every_requirement() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    core = re.search(r"^dependencies = \[(.*?)^\]", project, re.MULTILINE | re.DOTALL)
    dev = re.search(r"^dev = \[(.*?)^\]", project, re.MULTILINE | re.DOTALL)
    assert core is not None and dev is not None
    for name, wanted in (("run", core[1]), ("dev", core[1] + dev[1])):
        locked = set(re.findall(r"^([a-z0-9-]+)==", (ROOT / f"requirements/{name}.lock").read_text(), re.MULTILINE))
        asked = {item.lower().replace("_", "-") for item in re.findall(r'"([\w-]+)>=', wanted)}
        assert asked - locked == set(), "run `make lock`"


def test_coverage_tells_of_every_number_and_of_nothing_that_is_not_there() -> None:
    page = (ROOT / "docs/coverage.md").read_text(encoding="utf-8")
    rows = ROW.findall(page)
    states = [row[2] for row in rows]
    counted = ", ".join(f"{state} {states.count(state)}" for state in ("done", "partly", "planned"))
    assert f"{counted.capitalize()}." in page
    assert [int(row[0]) for row in rows] == list(range(1, NUMBERS + 1))
    for number, _, state, proof in rows:
        named = CODE_PATH.findall(proof)
        assert named or state == "planned", f"{number} is {state} without a test or file"
        assert [path for path in named if not (ROOT / path).exists()] == []


def test_every_page_can_be_found_from_the_index() -> None:
    seen, todo = set(), [ROOT / "docs/index.md"]
    while todo:
        page = todo.pop().resolve()
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        links = [first or second for first, second in LINK.findall(page.read_text(encoding="utf-8"))]
        todo += [page.parent / link.partition("#")[0] for link in links if "://" not in link and link[0] != "#"]
    assert [str(page.relative_to(ROOT)) for page in DOCS if page.parent != ROOT and page.resolve() not in seen] == []
