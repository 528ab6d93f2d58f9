"""The verb `config` keeps, shows and explains settings, and never prints a key."""

from tests.cli.command import complained, proofsmith


def test_a_setting_is_kept_shown_and_explained(tmp_path):
    assert proofsmith("config", "set", "jobs", "3", cwd=tmp_path).returncode == 0
    assert proofsmith("config", "get", "jobs", cwd=tmp_path).stdout == "3\n"
    told = proofsmith("config", "explain", "jobs", cwd=tmp_path, PROOFSMITH_JOBS="4").stdout
    assert told.startswith("jobs = 4    from environment variable PROOFSMITH_JOBS")
    path = proofsmith("config", "path", cwd=tmp_path).stdout.splitlines()[0]
    told = proofsmith("config", "explain", "jobs", cwd=tmp_path).stdout
    assert f"jobs = 3    from {path}" in told


def test_a_key_given_on_stdin_is_kept_but_never_printed(tmp_path):
    done = proofsmith("config", "set", "api_key", cwd=tmp_path, stdin="sk-secret\n")
    assert done.returncode == 0, done.stderr
    shown = proofsmith("config", "get", "api_key", cwd=tmp_path)
    explained = proofsmith("config", "explain", cwd=tmp_path)
    assert shown.stdout == "set\n"
    assert "sk-secret" not in done.stdout + done.stderr + shown.stdout + explained.stdout


def test_a_bad_value_is_refused_with_exit_code_2(tmp_path):
    complained(proofsmith("config", "set", "jobs", "0", cwd=tmp_path), 2, "jobs")
