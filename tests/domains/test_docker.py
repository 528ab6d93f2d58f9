"""`--sandbox docker` judges every domain, and builds, with what is in the domain's own image."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from proofsmith import domains
from proofsmith.domains.lean import embedded
from proofsmith.executors.container import DockerSandbox
from proofsmith.executors.docker import Daemon
from proofsmith.types import Limits
from tests.contract.domains.samples import SAMPLES
from tests.docker_daemon import ROOT, PrivateDaemon

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@dataclass(frozen=True)
class Case:
    """An original, a right version and a wrong one."""

    domain: str
    suffix: str
    base: str
    right: str
    wrong: str
    options: Mapping[str, str] = field(default_factory=dict)


def sampled(name: str, **options: str) -> Case:
    sample = SAMPLES[name]()
    base = sample.source.read_text("utf-8")
    return Case(name, sample.source.suffix, base, sample.right[1], sample.wrong[0], options)


OPEN = "theorem t (a b : Nat) (h : a < b) : a + 0 < b + 1 := "
CASES = [
    sampled("kernels"),
    *(sampled("sql", engine=engine) for engine in ("duckdb", "sqlite", "postgresql")),
    sampled("verilog"),
    Case("lean", ".lean", f"{OPEN}sorry\n", f"{OPEN}by omega\n", f"{OPEN}by exact h\n"),
]


@pytest.fixture(scope="module")
def daemon(docker_daemon: PrivateDaemon) -> PrivateDaemon:
    docker_daemon.import_images([spec.name for spec in domains.specs()])
    return docker_daemon


def proofsmith(
    daemon: PrivateDaemon, folder: Path, *words: str
) -> subprocess.CompletedProcess[str]:
    """Run the command in containers of the daemon."""
    return subprocess.run(
        [sys.executable, "-m", "proofsmith", *words, "--sandbox", "docker"],
        env=os.environ | {"DOCKER_HOST": daemon.url, "PYTHONPATH": str(ROOT)},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


def test_every_domain_is_judged_here() -> None:
    assert {case.domain for case in CASES} == {spec.name for spec in domains.specs()}


@pytest.mark.parametrize("case", CASES, ids=lambda c: "-".join([c.domain, *c.options.values()]))
def test_a_right_version_is_accepted_and_a_wrong_one_refused(
    case: Case, daemon: PrivateDaemon, tmp_path: Path
) -> None:
    if case.domain == "lean" and embedded.find() is None:
        pytest.skip(f"no embedded Lean; install it: {embedded.INSTALL}")
    image = Daemon.connect(f"proofsmith-{case.domain}", daemon.url).level
    for text, code in ((case.right, 0), (case.wrong, 1)):
        (tmp_path / f"base{case.suffix}").write_text(case.base, "utf-8")
        (tmp_path / f"version{case.suffix}").write_text(text, "utf-8")
        options = [word for key, value in case.options.items() for word in (f"--{key}", value)]
        files = (f"base{case.suffix}", f"version{case.suffix}")
        words = ("check", "--json", "--depth", "quick", *options, *files)
        done = proofsmith(daemon, tmp_path, *words)
        assert done.returncode == code, done.stdout + done.stderr
        assert json.loads(done.stdout)["sandbox"] == image
    assert daemon.containers() == []


def test_a_project_is_built_in_containers(docker_daemon: PrivateDaemon, tmp_path: Path) -> None:
    docker_daemon.import_images(["build"])
    example = ROOT / "examples" / "expenses"
    words = ("build", str(example / "SPEC.md"), "--out", "made", "--jobs", "1")
    done = proofsmith(docker_daemon, tmp_path, *words, "--replies", str(example / "replies.jsonl"))
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "made").rglob("*.py"))) >= 5


async def test_docker_itself_builds_a_dockerfile_and_programs_run_in_what_it_built(
    docker_daemon: PrivateDaemon,
) -> None:
    docker_daemon.import_images(["base"])
    docker_daemon.build_image(ROOT / "proofsmith" / "agents", "built-by-docker")
    box = DockerSandbox(Daemon.connect("built-by-docker", docker_daemon.url))
    done = await box.exec(["python3", "-c", "import unittest; print(6 * 7)"], limits=Limits())
    assert done.stdout == b"42\n", done.stderr
