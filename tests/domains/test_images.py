"""Every domain has an image that needs nothing but Debian's packages."""

from pathlib import Path

import pytest

from proofsmith import domains

FOLDER = Path(domains.__file__).parent
NAMES = [spec.name for spec in domains.specs()]
APT = set((FOLDER.parents[1] / "apt.txt").read_text().split())
BASICS = {"python3", "python3-minimal", "libpython3-stdlib", "libgomp1"}
"""In every Debian that runs the tests."""


@pytest.mark.parametrize("name", NAMES)
def test_every_domain_has_a_dockerfile_that_also_works_without_a_registry(name: str) -> None:
    text = (FOLDER / name / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert lines[0] == "FROM debian:bookworm-slim"
    assert all(line.startswith("RUN ") for line in lines[1:])


@pytest.mark.parametrize("name", NAMES)
def test_an_image_s_packages_are_installed_where_tests_run(name: str) -> None:
    text = (FOLDER / name / "Dockerfile").read_text().replace("\\\n", " ")
    packages = text.partition("--no-install-recommends")[2].partition("&&")[0].split()
    assert packages
    assert set(packages) - BASICS <= APT
