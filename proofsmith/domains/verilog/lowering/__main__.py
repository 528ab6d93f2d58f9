"""Read a request as JSON from standard input and answer with the lowered text, or with what stands against it."""

import json
import sys
from collections.abc import Mapping
from typing import Any

from pyslang import Bag, DiagnosticEngine
from pyslang.ast import Compilation, CompilationFlags, CompilationOptions, EvalContext, SymbolKind
from pyslang.syntax import SyntaxTree

from proofsmith.domains.verilog.lowering.modules import Modules
from proofsmith.domains.verilog.lowering.names import Signals, UnsupportedError, WholeArrayError

ATTEMPTS = 40
RELAXED = CompilationFlags.AllowUseBeforeDeclare | CompilationFlags.RelaxEnumConversions
"""What simulators accept as well."""


def lowered(text: str, top: str, parameters: Mapping[str, str]) -> dict[str, Any]:
    """Return `{"text", "nets"}`, or `{"construct", "line"}` where there is no rule for something."""
    tree = SyntaxTree.fromText(text)
    options = CompilationOptions()
    options.topModules = {top}
    options.paramOverrides = [f"{name}={value}" for name, value in parameters.items()]
    options.flags = RELAXED
    options.maxGenerateSteps = 20_000
    options.maxConstexprSteps = 1_000_000
    bag = Bag()
    bag.compilationOptions = options
    design = Compilation(bag)
    design.addSyntaxTree(tree)
    root = design.getRoot()
    for found in design.getAllDiagnostics():
        if found.isError():
            line = tree.sourceManager.getLineNumber(found.location)
            said = DiagnosticEngine(tree.sourceManager).formatMessage(found)
            if "unconnected interface port" in said:
                return {"construct": "an interface as a port of the top", "line": int(line)}
            return {"error": said, "line": int(line)}
    instance = next((t for t in root.topInstances if t.name == top), None)
    if instance is None:
        return {"construct": f"no module {top}", "line": 0}
    whole: set[str] = set()
    for _ in range(ATTEMPTS):
        context = EvalContext(root)
        context.pushEmptyFrame()
        known = set(whole)
        signals = Signals(context, top, whole)
        try:
            made = Modules(signals).design(instance)
        except WholeArrayError as array:
            whole.add(array.key)
            continue
        except UnsupportedError as missing:
            place = missing.place
            line = tree.sourceManager.getLineNumber(place) if place is not None else 0
            return {"construct": missing.construct, "line": int(line)}
        if whole == known:
            return {"text": made, "nets": _nets(instance.body)}
    return {"construct": "too many arrays used as values", "line": 0}


def _nets(body: Any) -> dict[str, list[str]]:
    """Return the signals of every module by its name."""
    found: dict[str, list[str]] = {}

    def walk(scope: Any, module: str) -> None:
        for member in scope:
            if member.kind in (SymbolKind.Net, SymbolKind.Variable):
                found.setdefault(module, []).append(str(member.name))
            elif member.kind is SymbolKind.Instance:
                walk(member.body, str(member.definition.name))
            elif member.kind is SymbolKind.GenerateBlock:
                walk(member, module)
            elif member.kind is SymbolKind.GenerateBlockArray:
                for entry in member.entries:
                    walk(entry, module)

    walk(body, str(body.definition.name))
    return found


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    json.dump(lowered(asked["text"], asked["top"], asked["parameters"]), sys.stdout)
