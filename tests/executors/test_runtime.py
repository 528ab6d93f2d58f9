"""The runtime on disk: built once, found again, of the right content."""

import os
import platform
import subprocess
from pathlib import Path

import pytest

from proofsmith.errors import SandboxError
from proofsmith.executors.conformance import rows
from proofsmith.executors.runtime import OLD_S, SOURCE, install

ROOT = Path(__file__).parent.parent.parent


def test_the_runtime_is_built_once_and_leaves_no_scaffolding(tmp_path: Path) -> None:
    runtime = install(tmp_path)
    built = runtime.init.stat().st_mtime_ns
    install.cache_clear()
    assert install(tmp_path).init.stat().st_mtime_ns == built
    assert [path.name for path in tmp_path.iterdir()] == [runtime.folder.name]


def test_a_folder_that_cannot_be_made_is_an_error_with_a_hint(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SandboxError, match="cannot prepare the sandbox") as caught:
        install(tmp_path / "file" / "cache")
    assert caught.value.hint


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
@pytest.mark.parametrize("kind", ["hard", "soft", "zygote-hard", "zygote-soft"])
def test_a_filter_is_shipped_for_every_architecture_and_kind(machine: str, kind: str) -> None:
    size = SOURCE.with_name(f"seccomp-{machine}-{kind}.bpf").stat().st_size
    assert 500 < size < 4096 * 8
    assert size % 8 == 0


def test_the_shipped_filters_are_what_the_script_generates(tmp_path: Path) -> None:
    program = tmp_path / "seccomp_filter"
    source = ROOT / "scripts" / "seccomp_filter.c"
    subprocess.run(["gcc", "-o", str(program), str(source), "-lseccomp"], check=True)
    made = tmp_path / "filter"
    for kind in ("hard", "soft", "zygote-hard", "zygote-soft"):
        machine = platform.machine()
        subprocess.run([str(program), machine, kind, str(made)], check=True)
        shipped = SOURCE.with_name(f"seccomp-{machine}-{kind}.bpf")
        assert made.read_bytes() == shipped.read_bytes()


def test_the_init_runs_nothing_without_a_mode(tmp_path: Path) -> None:
    done = subprocess.run([str(install().init)], capture_output=True, check=False)
    assert done.returncode == 125
    assert b"usage" in done.stderr


def test_the_table_of_levels_counts_every_row() -> None:
    lines = (ROOT / "SECURITY.md").read_text().splitlines()
    table = [
        line.split("|")[1:5] for line in lines if line.startswith(("| bubblewrap", "| unsafe"))
    ]
    assert len(table) >= 4
    for level, held, breached, skipped in table:
        assert int(held) + int(breached) + int(skipped) == len(rows()), level


def test_runtimes_that_nobody_used_for_a_month_are_removed(tmp_path: Path) -> None:
    old, recent = tmp_path / "sandbox-old", tmp_path / "sandbox-recent"
    for folder in (old, recent):
        folder.mkdir()
    long_ago = recent.stat().st_mtime - OLD_S - 60
    os.utime(old, (long_ago, long_ago))
    install.cache_clear()
    install(tmp_path)
    assert not old.exists()
    assert recent.exists()
