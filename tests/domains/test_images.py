"""Every domain, and building, has an image that needs nothing but Debian's packages."""

from pathlib import Path

import pytest

from proofsmith import domains

PACKAGE = Path(domains.__file__).parents[1]
FOLDERS = {spec.name: PACKAGE / "domains" / spec.name for spec in domains.specs()}
FOLDERS["build"] = PACKAGE / "agents"
APT = set((PACKAGE.parent / "apt.txt").read_text().split())
BASICS = {"python3", "python3-minimal", "libpython3-stdlib", "libgomp1"}
"""In every Debian that runs the tests."""


@pytest.mark.parametrize("name", FOLDERS)
def test_every_domain_has_a_dockerfile_that_also_works_without_a_registry(name: str) -> None:
    text = (FOLDERS[name] / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert lines[:2] == ["ARG BASE=debian:bookworm-slim", "FROM ${BASE}"]
    assert all(line.startswith("RUN ") for line in lines[2:])


@pytest.mark.parametrize("name", FOLDERS)
def test_an_image_s_packages_are_installed_where_tests_run(name: str) -> None:
    text = (FOLDERS[name] / "Dockerfile").read_text().replace("\\\n", " ")
    packages = text.partition("--no-install-recommends")[2].partition("&&")[0].split()
    assert packages
    assert set(packages) - BASICS <= APT
