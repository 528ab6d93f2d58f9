"""Modules, functions and the package stay small; the check itself is shown to fail on what is too large."""

import ast
from pathlib import Path
from statistics import median

PACKAGE = Path(__file__).resolve().parents[1] / "proofsmith"
MODULE_LINES = 400
MEDIAN_LINES = 150
FUNCTION_LINES = 60
PACKAGE_KIB = 3616
"""Four domains with prompts, libraries and front ends; the installed core is held to 120 MB by benchmarks.install."""
BANNED_NAMES = {"utils", "util", "helpers", "helper", "base", "manager", "handler", "common"}


def oversized(package):
    """List every breach of the size and naming rules below `package`, one line each."""
    faults = []
    lengths = []
    for path in sorted(package.rglob("*.py")):
        source = path.read_text()
        lines = len(source.splitlines())
        if path.name != "__init__.py":
            lengths.append(lines)
        name = path.relative_to(package)
        if lines > MODULE_LINES:
            faults.append(f"{name}: {lines} lines, at most {MODULE_LINES}")
        if path.stem in BANNED_NAMES or path.parent.name in BANNED_NAMES:
            faults.append(f"{name}: a name that says nothing")
        faults += [f"{name}: {fault}" for fault in long_functions(ast.parse(source))]
    if lengths and median(lengths) > MEDIAN_LINES:
        faults.append(f"median module has {median(lengths):g} lines, at most {MEDIAN_LINES}")
    return faults


def long_functions(tree):
    """Yield every function of `tree` with more than FUNCTION_LINES lines, decorators not counted."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = node.end_lineno - node.lineno + 1
            if lines > FUNCTION_LINES:
                yield f"{node.name} has {lines} lines, at most {FUNCTION_LINES}"


def function_of(lines):
    """Return the source of a function with exactly `lines` lines."""
    return "def f():\n" + "    x = 1\n" * (lines - 1)


def test_the_package_keeps_the_size_rules():
    assert oversized(PACKAGE) == []


def test_the_package_itself_is_small():
    files = [p for p in PACKAGE.rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    kib = sum(p.stat().st_size for p in files) / 1024
    assert kib <= PACKAGE_KIB


def test_a_function_of_60_lines_passes_and_one_of_61_is_named(tmp_path):
    (tmp_path / "fits.py").write_text(function_of(60))
    (tmp_path / "long.py").write_text(function_of(61))
    assert oversized(tmp_path) == ["long.py: f has 61 lines, at most 60"]


def test_a_module_of_401_lines_is_named(tmp_path):
    (tmp_path / "fits.py").write_text("x = 1\n" * 100)
    (tmp_path / "also.py").write_text("x = 1\n" * 100)
    (tmp_path / "long.py").write_text("x = 1\n" * 401)
    assert oversized(tmp_path) == ["long.py: 401 lines, at most 400"]


def test_a_median_of_151_lines_is_named(tmp_path):
    (tmp_path / "one.py").write_text("x = 1\n" * 151)
    assert oversized(tmp_path) == ["median module has 151 lines, at most 150"]


def test_a_module_named_utils_is_refused(tmp_path):
    (tmp_path / "utils.py").write_text("x = 1\n")
    assert oversized(tmp_path) == ["utils.py: a name that says nothing"]
