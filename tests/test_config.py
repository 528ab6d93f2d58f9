"""Settings are resolved in one order, explained, and never leak a key."""

import pytest

from proofsmith import config
from proofsmith.errors import UsageError


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Point the user's configuration folder at an empty one and work in an empty project."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.chdir(project)
    return tmp_path


def user_file(home, text):
    path = config.user_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_defaults_come_from_nowhere(home):
    resolved = config.resolve({}, env={})
    assert resolved.settings.jobs == 2
    assert resolved.origin("jobs") == "default"


def test_each_source_overrides_the_one_before(home):
    steps = [("default", 2)]
    user = user_file(home, "jobs = 3\n")
    assert config.resolve({}, env={}).settings.jobs == 3
    steps.append((str(user), 3))
    project = home / "project" / "proofsmith.toml"
    project.write_text("jobs = 4\n")
    resolved = config.resolve({}, env={})
    assert (resolved.settings.jobs, resolved.origin("jobs")) == (4, str(project))
    env = {"PROOFSMITH_JOBS": "5"}
    resolved = config.resolve({}, env=env)
    assert resolved.settings.jobs == 5
    assert resolved.origin("jobs") == "environment variable PROOFSMITH_JOBS"
    resolved = config.resolve({"jobs": 6, "seed": None}, env=env)
    assert (resolved.settings.jobs, resolved.origin("jobs")) == (6, "flag --jobs")
    assert resolved.origin("seed") == "default"


def test_a_table_in_pyproject_counts_and_is_found_from_a_folder_below(home):
    path = home / "project" / "pyproject.toml"
    path.write_text("[tool.proofsmith]\nseed = 7\n")
    below = home / "project" / "src"
    below.mkdir()
    resolved = config.resolve({}, env={}, start=below)
    assert (resolved.settings.seed, resolved.origin("seed")) == (7, str(path))


def test_a_pyproject_without_our_table_is_passed_over(home):
    (home / "project" / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    assert config.project_path(home / "project") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("jobs = 0\n", "setting 'jobs'"),
        ("jobs = 'many'\n", "setting 'jobs'"),
        ("jbos = 3\n", "unknown setting 'jbos'"),
        ("jobs = \n", "cannot read"),
        ("api_key = 'sk-1'\n", "keys do not belong"),
    ],
)
def test_a_bad_project_file_is_a_usage_error_that_names_file_and_setting(home, text, message):
    (home / "project" / "proofsmith.toml").write_text(text)
    with pytest.raises(UsageError, match=message) as caught:
        config.resolve({}, env={})
    assert "sk-1" not in str(caught.value) + caught.value.hint


def test_an_unknown_name_suggests_the_nearest(home):
    with pytest.raises(UsageError) as caught:
        config.write("bse_url", "x")
    assert "base_url" in caught.value.hint


def test_a_key_is_kept_in_a_file_that_only_the_user_can_read_and_apart_from_the_settings(home):
    config.key_path().parent.mkdir(parents=True)
    config.key_path().write_text("old")
    config.key_path().chmod(0o644)
    path = config.write_key("sk-secret")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text() == "sk-secret\n"
    assert not config.user_path().exists()
    assert "sk-secret" not in repr(config.resolve({}, env={"PROOFSMITH_API_KEY": "sk-secret"}))


def test_what_was_set_is_read_back(home):
    config.write("base_url", 'http://127.0.0.1:1/v1"\\')
    config.write("jobs", "3")
    resolved = config.resolve({}, env={})
    assert resolved.settings.base_url == 'http://127.0.0.1:1/v1"\\'
    assert resolved.settings.jobs == 3


def test_a_value_out_of_range_is_not_written(home):
    with pytest.raises(UsageError):
        config.write("jobs", "-1")
    assert not config.user_path().exists()
