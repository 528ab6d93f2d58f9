"""The architecture rules hold, and each one is shown to fail on a deliberately bad file."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent

BAD_IMPORTS = {
    "planners/reaches_sideways.py": (
        "import proofsmith.executors",
        "proofsmith.planners is not allowed to import proofsmith.executors",
    ),
    "tools/reaches_up.py": (
        "import proofsmith.config",
        "proofsmith.tools is not allowed to import proofsmith.config",
    ),
    "memory/runs_graphs.py": (
        "import langgraph.graph",
        "proofsmith.memory is not allowed to import langgraph",
    ),
    "agents/calls_endpoint.py": (
        "import openai",
        "proofsmith.agents is not allowed to import openai",
    ),
    "domains/isa/__init__.py": (
        "import proofsmith.domains.kernels",
        "proofsmith.domains.isa is not allowed to import proofsmith.domains.kernels",
    ),
    "model/second_client.py": (
        "import openai",
        "proofsmith.model is not allowed to import openai",
    ),
    "domains/starts_containers.py": (
        "import docker",
        "proofsmith.domains is not allowed to import docker",
    ),
    "domains/parses_itself.py": (
        "import tree_sitter",
        "proofsmith.domains is not allowed to import tree_sitter",
    ),
}

BAD_SOURCES = {
    "process.py": ("import subprocess\n\nsubprocess.run(['true'])\n", "TID251"),
    "shell.py": ("import os\n\nos.system('true')\n", "TID251"),
    "fan_out.py": ("import asyncio\n\nasyncio.gather()\n", "TID251"),
    "dice.py": ("import random\n\nrandom.random()\n", "TID251"),
    "stamp.py": ("import time\n\ntime.time()\n", "TID251"),
    "relative.py": ("from . import types\n", "TID252"),
    "late_import.py": ("def f():\n    import json\n    return json\n", "PLC0415"),
    "undocumented.py": ("def f():\n    return 1\n", "D103"),
    "printed.py": ("print(1)\n", "T201"),
    "branches.py": (
        "def f(x):\n" + "".join(f"    if x == {n}:\n        x += 1\n" for n in range(11)),
        "C901",
    ),
    "swallowed.py": (
        "def f(x):\n    try:\n        x()\n    except Exception:\n        return 1\n",
        "BLE001",
    ),
    "suppressed.py": ("x: int = 'a'  # type: ignore\n", "PGH003"),
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """Return a private copy of the package with its tool configuration."""
    root = tmp_path_factory.mktemp("bad")
    shutil.copy(ROOT / "pyproject.toml", root)
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "proofsmith", root / "proofsmith", ignore=ignore)
    return root


def tool(name, *arguments, cwd=ROOT):
    """Run one of the environment's command-line tools; return its exit code and output."""
    done = subprocess.run(
        [str(BIN / name), *arguments], cwd=cwd, capture_output=True, text=True, timeout=120
    )
    return done.returncode, done.stdout + done.stderr


def test_import_contracts_are_kept():
    code, output = tool("lint-imports", "--no-cache")
    assert code == 0, output


def test_each_import_contract_breaks_on_a_bad_import(copy):
    for path, (line, _) in BAD_IMPORTS.items():
        bad = copy / "proofsmith" / path
        bad.parent.mkdir(exist_ok=True)
        bad.write_text(f'"""Bad."""\n\n{line}\n')
    code, output = tool("lint-imports", "--no-cache", cwd=copy)
    assert code == 1
    text = " ".join(output.split())
    missed = [path for path, (_, message) in BAD_IMPORTS.items() if message not in text]
    assert not missed, output


def test_each_source_rule_fails_on_a_bad_file(copy):
    for name, (source, _) in BAD_SOURCES.items():
        (copy / "proofsmith" / "memory" / name).write_text(source)
    paths = [f"proofsmith/memory/{name}" for name in BAD_SOURCES]
    code, output = tool("ruff", "check", "--no-cache", "--output-format", "json", *paths, cwd=copy)
    assert code == 1
    found = {(Path(hit["filename"]).name, hit["code"]) for hit in json.loads(output)}
    expected = {(name, rule) for name, (_, rule) in BAD_SOURCES.items()}
    assert expected <= found, expected - found


def test_processes_are_allowed_in_executors_alone(copy):
    path = copy / "proofsmith/executors/starts.py"
    path.write_text('"""Start."""\n\nimport subprocess\n\nsubprocess.run(["true"])\n')
    code, output = tool("ruff", "check", "--no-cache", str(path), cwd=copy)
    assert code == 0, output


def test_strict_types_fail_on_a_bad_file(tmp_path):
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    package = tmp_path / "proofsmith"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "untyped.py").write_text("def f(x):\n    return x\n")
    code, output = tool("mypy", cwd=tmp_path)
    assert code == 1
    assert "no-untyped-def" in output
