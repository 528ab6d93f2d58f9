"""Normal form of Python: syntax trees in which locals are numbered, and functions that can change places."""

import ast
import builtins
from collections.abc import Iterator

from proofsmith.tools.definitions import Definition

_CALLED = frozenset(("locals", "vars", "eval", "exec", "dir", "globals", "compile", "breakpoint"))
_REACHED = frozenset(
    ("_getframe", "settrace", "setprofile", "currentframe", "f_locals", "co_varnames", "__code__")
)
_IMPORTED = frozenset(
    ("inspect", "traceback", "warnings", "logging", "linecache", "symtable", "dis")
)
"""Names by which a program can see its own text, lines or locals: it is then taken as it is."""
_Function = ast.FunctionDef | ast.AsyncFunctionDef
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef, *_COMPREHENSIONS)


def definitions(text: str, kept: frozenset[str]) -> list[Definition] | None:
    """Return the top-level statements of `text`, None when it is not understood."""
    try:
        tree = ast.parse(text)
        if any(_mirror(node) for node in ast.walk(tree)):
            return None
        module = frozenset(_bound(tree.body)) | frozenset(vars(builtins)) | kept
        return [_definition(statement, module) for statement in tree.body]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _mirror(node: ast.AST) -> bool:
    """Say whether a program can see itself through `node`."""
    match node:
        case ast.Name():
            return node.id in _CALLED
        case ast.Attribute():
            return node.attr in _REACHED
        case ast.Import():
            return any(alias.name.partition(".")[0] in _IMPORTED for alias in node.names)
        case ast.ImportFrom():
            return (node.module or "").partition(".")[0] in _IMPORTED or any(
                alias.name in _REACHED | _CALLED for alias in node.names
            )
        case _:
            return False


def _definition(statement: ast.stmt, module: frozenset[str]) -> Definition:
    for function in _outermost(statement):
        _number(function, module)
    tokens = (f"t{ast.dump(statement)}",)
    if isinstance(statement, _Function) and not statement.decorator_list:
        defaults = [*statement.args.defaults, *(d for d in statement.args.kw_defaults if d)]
        hints = [a.annotation for a in ast.walk(statement.args) if isinstance(a, ast.arg)]
        told = [hint for hint in (*hints, statement.returns) if hint is not None]
        if all(_still(d, _QUIET) for d in defaults) and all(_still(h, _HINTS) for h in told):
            at_once = (*defaults, *told)
            mentions = {n.id for e in at_once for n in ast.walk(e) if isinstance(n, ast.Name)}
            return Definition(tokens, statement.name, frozenset(mentions))
    return Definition(tokens)


_QUIET = (ast.Constant, ast.Name, ast.Load, ast.Tuple, ast.UnaryOp, ast.USub)
_HINTS = (*_QUIET, ast.Subscript, ast.Attribute, ast.BinOp, ast.BitOr, ast.List)
"""What may stand in an annotation: looking up types and combining them."""


def _still(node: ast.expr, quiet: tuple[type[ast.AST], ...]) -> bool:
    """Say whether evaluating `node` when a function is defined does nothing but look up names."""
    return all(isinstance(part, quiet) for part in ast.walk(node))


def _outermost(node: ast.AST) -> Iterator[_Function]:
    if isinstance(node, _Function):
        yield node
        return
    for child in ast.iter_child_nodes(node):
        yield from _outermost(child)


def _bound(body: list[ast.stmt]) -> Iterator[str]:
    """Yield the names that statements bind in their own scope."""
    todo: list[ast.AST] = list(body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).partition(".")[0]
        if not isinstance(node, _SCOPES):
            todo += ast.iter_child_nodes(node)


def _number(function: _Function, module: frozenset[str]) -> None:
    """Rename in place every local that is nothing but a variable: not a parameter, import, class or attribute."""
    refused = set(module)
    for node in ast.walk(function):
        refused.update(_refused(node))
    within = [node for node in ast.walk(function) if isinstance(node, _Function)]
    for level, scope in enumerate(
        within
    ):  # outer functions first: theirs is the name that inner ones see
        _number_bound(scope, level, refused)
    for inner in ast.walk(function):
        if isinstance(inner, _COMPREHENSIONS):
            _number_comprehension(inner, refused)


def _number_bound(scope: _Function, level: int, refused: set[str]) -> None:
    """Rename what `scope` itself binds, there and in everything inside it."""
    plain = {
        name for name in _bound(scope.body) if name not in refused and name[:1] not in ("_", "\0")
    }
    numbers: dict[str, str] = {}
    for node in ast.walk(scope):
        if isinstance(node, ast.Name) and node.id in plain:
            node.id = numbers.setdefault(node.id, f"\0v{level}.{len(numbers)}")


def _number_comprehension(
    node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp, refused: set[str]
) -> None:
    """Rename the targets of a comprehension unless its first source, which is read outside, mentions them."""
    targets = [n for g in node.generators for n in ast.walk(g.target) if isinstance(n, ast.Name)]
    outside = {n.id for n in ast.walk(node.generators[0].iter) if isinstance(n, ast.Name)}
    walrus = {n.target.id for n in ast.walk(node) if isinstance(n, ast.NamedExpr)}
    numbers = {
        n.id: f"\0c{i}"
        for i, n in enumerate(targets)
        if n.id not in refused | outside | walrus and not n.id.startswith(("__", "\0"))
    }
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and part.id in numbers:
            part.id = numbers[part.id]


def _refused(node: ast.AST) -> Iterator[str]:
    """Yield the names that this node makes more than a local variable."""
    match node:
        case ast.arg():
            yield node.arg
        case ast.Global() | ast.Nonlocal():
            yield from node.names
        case ast.alias():
            yield (node.asname or node.name).partition(".")[0]
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            yield node.name
            for part in (*node.decorator_list, node.args, node.returns):
                yield from (n.id for n in ast.walk(part or ast.Pass()) if isinstance(n, ast.Name))
        case ast.ClassDef():
            yield node.name
            yield from _bound(node.body)
        case ast.ExceptHandler() | ast.MatchAs() | ast.MatchStar():
            yield node.name or ""
        case ast.MatchMapping():
            yield node.rest or ""
