"""The verb `config` keeps, shows and explains settings, and never prints a key."""

import pytest

from tests.cli.command import complained, inside


@pytest.fixture
def proofsmith(tmp_path, monkeypatch, capsys):
    return inside(monkeypatch, capsys, tmp_path)


def test_a_setting_is_kept_shown_and_explained(proofsmith, monkeypatch):
    assert proofsmith("config", "set", "jobs", "3").returncode == 0
    assert proofsmith("config", "get", "jobs").stdout == "3\n"
    monkeypatch.setenv("PROOFSMITH_JOBS", "4")
    told = proofsmith("config", "explain", "jobs").stdout
    monkeypatch.delenv("PROOFSMITH_JOBS")
    assert told.startswith("jobs = 4    from environment variable PROOFSMITH_JOBS")
    path = proofsmith("config", "path").stdout.splitlines()[0]
    told = proofsmith("config", "explain", "jobs").stdout
    assert f"jobs = 3    from {path}" in told


def test_a_key_is_kept_but_never_printed(proofsmith):
    done = proofsmith("config", "set", "api_key", "sk-secret")
    assert done.returncode == 0, done.stderr
    shown = proofsmith("config", "get", "api_key")
    explained = proofsmith("config", "explain")
    assert shown.stdout == "set\n"
    assert "sk-secret" not in done.stdout + done.stderr + shown.stdout + explained.stdout


def test_a_bad_value_is_refused_with_exit_code_2(proofsmith):
    complained(proofsmith("config", "set", "jobs", "0"), 2, "jobs")
