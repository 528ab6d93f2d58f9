"""What `import proofsmith` offers is exactly what `__all__` says, and costs nothing until it is used."""

import subprocess
import sys
from types import ModuleType

import proofsmith

HEAVY = {
    "docker",
    "duckdb",
    "langgraph",
    "networkx",
    "openai",
    "pydantic",
    "rich",
    "tree_sitter",
    "typer",
    "z3",
}


def surface_faults(module):
    """List what is wrong with a module's declared public surface."""
    declared = list(module.__all__)
    faults = []
    if declared != sorted(declared):
        faults.append("__all__ is not sorted")
    faults += [f"{name} does not resolve" for name in declared if not hasattr(module, name)]
    public = {
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and not isinstance(value, ModuleType)
    }
    faults += [f"{name} is public but not declared" for name in sorted(public - set(declared))]
    return faults


def test_the_public_surface_is_what_is_declared():
    assert surface_faults(proofsmith) == []
    assert set(proofsmith.__all__) <= set(dir(proofsmith))


def test_an_undeclared_name_an_unsorted_list_and_a_dangling_name_are_found():
    module = ModuleType("bad")
    module.__all__ = ["b", "a"]
    module.a = module.extra = 1
    assert surface_faults(module) == [
        "__all__ is not sorted",
        "b does not resolve",
        "extra is public but not declared",
    ]


def test_every_entry_of_the_python_api_is_a_documented_function():
    for name in ("check", "measure"):
        assert name in proofsmith.__all__
        assert getattr(proofsmith, name).__doc__


def test_an_unknown_name_raises_attribute_error():
    assert not hasattr(proofsmith, "no_such_name")


def test_importing_the_package_loads_nothing_heavy():
    code = f"import sys, proofsmith; print(sorted({HEAVY} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr
