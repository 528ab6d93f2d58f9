"""Starting is cheap, help is complete, and mistakes on the command line are one line and a hint."""

import json
import resource
import subprocess
import sys

import pytest

from tests.cli.command import ROOT, complained, environment, inside, proofsmith

HEAVY = {
    "docker",
    "duckdb",
    "langgraph",
    "networkx",
    "openai",
    "pydantic",
    "asyncio",
    "tree_sitter",
    "z3",
}
VERBS = (
    "build",
    "check",
    "config",
    "demo",
    "doctor",
    "init",
    "measure",
    "optimize",
    "runs",
    "sandbox",
    "solve",
)


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    return inside(monkeypatch, capsys, tmp_path)


def test_help_loads_no_engine(tmp_path):
    code = (
        "import sys\nfrom proofsmith.cli import main\n"
        f"assert main(['--help']) == 0\nprint(sorted({HEAVY} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr.strip() == "[]"
    assert "Usage: proofsmith" in done.stdout


@pytest.mark.parametrize("argv", [["--help"], ["--version"]])
def test_help_takes_at_most_0_3_s_of_cpu(tmp_path, argv):
    proofsmith(*argv, cwd=tmp_path)  # compiles what Python keeps compiled
    spent = []
    for _ in range(8):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert proofsmith(*argv, cwd=tmp_path).returncode == 0
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        if spent[-1] <= 0.3:
            return
    pytest.fail(
        f"CPU seconds: {spent}"
    )  # not even once: neighbours inflate CPU time, never deflate it


def test_help_names_every_verb_and_the_first_thing_to_do(command):
    text = command("--help").stdout
    assert [verb for verb in VERBS if f" {verb} " not in text] == []
    cut = [line for line in text.splitlines()[1:] if line.endswith("...")]
    assert not cut  # on a terminal of 80 columns
    assert "proofsmith demo" in text


def test_the_options_of_a_domain_appear_with_its_name(command):
    text = command("optimize", "--help").stdout
    assert "(kernels)" in text
    assert "--entry" in text


def test_no_domain_option_shadows_a_shared_one():
    import dataclasses

    from proofsmith import domains
    from proofsmith.cli.flags import Common, Judging, Searching

    shared = {f.name for record in (Common, Judging, Searching) for f in dataclasses.fields(record)}
    added = {option.name.replace("-", "_") for s in domains.specs() for option in s.options}
    assert not shared & added


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["frobnicate"], ["No such command"]),
        (["optimise"], ["optimize"]),
        (["doctor", "--jsn"], ["--json"]),
        (["optimize"], ["FILE"]),
        (["check", "a.c"], ["CANDIDATE"]),
        (["config", "get", "bse_url"], ["base_url"]),
        (["runs", "show", "nothing"], ["no run 'nothing'", "runs list"]),
    ],
)
def test_a_mistake_on_the_command_line_is_one_line_and_a_hint(command, argv, words):
    complained(command(*argv), 2, *words)


def test_no_arguments_print_the_help_and_count_as_a_mistake(command):
    done = command()
    assert (done.returncode, done.stderr) == (2, "")
    assert "Usage: proofsmith" in done.stdout


def test_the_version_is_that_of_the_project(command):
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert command("--version").stdout == f"proofsmith {project['version']}\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_completes_verbs(tmp_path, shell):
    words = {
        "COMP_WORDS": "proofsmith opti",
        "COMP_CWORD": "1",
        "_TYPER_COMPLETE_ARGS": "proofsmith opti",
    }
    done = proofsmith(
        cwd=tmp_path,
        _PROOFSMITH_COMPLETE=f"complete_{shell}",
        _TYPER_COMPLETE_FISH_ACTION="get-args",
        **words,
    )
    assert "optimize" in done.stdout, done.stderr


def test_doctor_tells_tools_sandbox_and_platforms_as_json(tmp_path):
    done = proofsmith("doctor", "--json", cwd=tmp_path)
    facts = json.loads(done.stdout)
    assert facts["schema_version"] == 1
    assert {tool["name"] for tool in facts["tools"]} >= {"gcc", "clang", "perf"}
    assert "macOS" in facts["platforms"]
    assert facts["sandbox"]["level"]
    assert done.returncode == 0, done.stdout


def test_doctor_names_a_missing_compiler_with_its_install_line(tmp_path):
    (tmp_path / "empty").mkdir()
    done = proofsmith("doctor", cwd=tmp_path, PATH=str(tmp_path / "empty"))
    assert done.returncode == 3
    assert "MISSING kernels    gcc" in done.stdout
    assert "apt-get install gcc" in done.stdout
    assert "apt-get install bubblewrap" in done.stdout
