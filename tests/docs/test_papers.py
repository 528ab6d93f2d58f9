"""The project's papers are true where a machine can tell."""

import re
import tomllib

import pytest

from tests.cli.command import ROOT

DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)")
TICKED = re.compile(r"`((?:proofsmith|tests|benchmarks|scripts|docs|requirements)/[\w./-]+)`")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_local_link_and_path_exists(document):
    text = document.read_text()
    local = [link for link in LINK.findall(text) if "://" not in link]
    missing = [link for link in local if not (document.parent / link).exists()]
    shown = [path for path in TICKED.findall(text) if "toy" not in path]
    missing += [path for path in shown if not (ROOT / path).exists()]
    assert not missing


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_make_target_that_is_named_exists(document):
    targets = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    named = re.findall(r"(?:^ {4}|`)make ([a-z-]+)", document.read_text(), re.MULTILINE)
    assert set(named) <= set(targets)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_verb_that_is_named_exists(document):
    verbs = set(
        re.findall(r"^## proofsmith (\S+)", (ROOT / "docs/cli.md").read_text(), re.MULTILINE)
    )
    named = set(re.findall(r"(?:`|\$ |^ +)proofsmith ([a-z]+)", document.read_text(), re.MULTILINE))
    assert named <= verbs


def test_the_changelog_knows_the_version_or_keeps_it_unreleased():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    text = (ROOT / "CHANGELOG.md").read_text()
    assert "## [Unreleased]" in text
    released = re.findall(r"^## \[(\d[^\]]*)\]", text, re.MULTILINE)
    assert not released or released[0] == version


def test_each_change_is_one_sentence_of_at_most_25_words():
    for line in re.findall(r"^- (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE):
        assert len(line.split()) <= 25, line
        assert line.endswith("."), line


def test_the_readme_has_at_most_200_lines():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 200
