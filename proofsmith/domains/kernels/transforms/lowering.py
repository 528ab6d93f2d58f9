"""Syntax nodes of a C function body to the loop language; what is not understood stays verbatim."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from proofsmith.domains.kernels.transforms.affine import plus
from proofsmith.domains.kernels.transforms.ir import (
    Assign,
    Bin,
    Body,
    Call,
    Cast,
    Choice,
    Declare,
    Expr,
    For,
    If,
    Index,
    Member,
    Num,
    Raw,
    Stmt,
    Text,
    Un,
    Var,
    While,
    substitute,
)
from proofsmith.tools.loopnest import counted, names, uneven
from proofsmith.tools.syntax import Function, Node

_UNARY = ("-", "+", "!", "~", "*", "&")


@dataclass(frozen=True, slots=True)
class Inlined:
    """A function whose body is one return statement: parameter names and the returned expression."""

    parameters: tuple[str, ...]
    value: Expr


@dataclass(frozen=True, slots=True)
class Lowering:
    """Lowers nodes; calls of `inlined` functions are replaced by their value."""

    inlined: Mapping[str, Inlined] = field(default_factory=dict)

    def body(self, node: Node) -> Body:
        """Lower a statement or block to a flat sequence."""
        children = node.tokens if node.kind == "compound_statement" else (node,)
        out: list[Stmt] = []
        pragmas: list[str] = []
        for child in children:
            if child.kind in ("{", "}", "comment", ";"):
                continue
            text = child.text.strip()
            if child.kind == "preproc_call" and text.startswith("#pragma"):
                pragmas.append(text)
                continue
            lowered = tuple(self._statement(child))
            if pragmas and len(lowered) == 1 and isinstance(lowered[0], For):
                lowered = (replace(lowered[0], pragmas=tuple(pragmas)),)
            else:
                out += [Raw(p) for p in pragmas]
            pragmas = []
            for stmt in lowered:
                out += stmt.body if isinstance(stmt, While) and _open(stmt) else (stmt,)
        return (*out, *(Raw(p) for p in pragmas))

    def _statement(self, node: Node) -> Iterator[Stmt]:
        handlers: dict[str, Callable[[Node], Iterator[Stmt]]] = {
            "compound_statement": self._block,
            "declaration": self._declaration,
            "expression_statement": self._effect,
            "for_statement": self._for,
            "while_statement": self._while,
            "if_statement": self._if,
        }
        handler = handlers.get(node.kind)
        yield from handler(node) if handler else [_raw(node)]

    def _block(self, node: Node) -> Iterator[Stmt]:
        yield While("", self.body(node))

    def _declaration(self, node: Node) -> Iterator[Stmt]:
        declared = node.all("declarator")
        storage = any(c.kind == "storage_class_specifier" for c in node.children)
        out = [self._declare(node, d) for d in declared]
        if storage or not out or any(d is None for d in out):
            yield _raw(node)
            return
        yield from (d for d in out if d is not None)

    def _declare(self, node: Node, declarator: Node) -> Declare | None:
        first = node.all("declarator")[0]
        kind = node.text.encode()[: first.start - node.start].decode().strip()
        value: Expr | None = None
        if declarator.kind == "init_declarator":
            given, inner = declarator.field("value"), declarator.field("declarator")
            if given is None or inner is None or given.kind == "initializer_list":
                return None
            value, declarator = self.expr(given), inner
        extents: list[Expr] = []
        while declarator.kind in ("pointer_declarator", "array_declarator"):
            inner, size = declarator.field("declarator"), declarator.field("size")
            if inner is None or (declarator.kind == "array_declarator" and size is None):
                return None
            if declarator.kind == "pointer_declarator":
                between = declarator.text.encode()[: inner.start - declarator.start].decode()
                kind += " " + between.strip()
            elif size is not None:
                extents.insert(0, self.expr(size))
            declarator = inner
        if declarator.kind != "identifier":
            return None
        return Declare(kind, declarator.text, value, tuple(extents))

    def _effect(self, node: Node) -> Iterator[Stmt]:
        for stmt in self._expression(node.children[0] if node.children else node):
            yield replace(stmt, text=stmt.text.rstrip(";") + ";") if isinstance(stmt, Raw) else stmt

    def _expression(self, inner: Node) -> Iterator[Stmt]:
        """Lower an expression that is evaluated for its effect."""
        if inner.text == ";":
            return
        if inner.kind == "comma_expression":
            for part in inner.children:
                yield from self._expression(part)
            return
        if inner.kind == "assignment_expression":
            left, operator, right = (
                inner.field("left"),
                inner.field("operator"),
                inner.field("right"),
            )
            if left and operator and right and right.kind != "assignment_expression":
                yield Assign(self.expr(left), operator.text, self.expr(right))
                return
        if inner.kind == "update_expression":
            argument, operator = inner.field("argument"), inner.field("operator")
            if argument and operator:
                yield Assign(self.expr(argument), operator.text[0] + "=", Num("1"))
                return
        yield Raw(inner.text + ";", names(inner))

    def _for(self, node: Node) -> Iterator[Stmt]:
        loop, body = counted(node), node.field("body")
        other = uneven(node) if loop is None else None
        loop = other.loop if other is not None else loop
        if body is None or loop is None or loop.step < 0:
            yield self._while_form(node, body)
            return
        bound = self.expr(loop.bound)
        if other is not None and loop.offset is not None:
            bound = Bin("-", bound, self.expr(loop.offset))
        upper = plus(bound, 1) if loop.relation == "<=" else bound
        pace = self.expr(other.pace) if other is not None and other.pace is not None else None
        start, inner = self.expr(loop.start), self.body(body)
        yield For(loop.variable, loop.type, start, upper, loop.step, inner, (), pace)

    def _while_form(self, node: Node, body: Node | None) -> Stmt:
        """Write any other `for` as `{ first; while (test) { body; update; } }` when nothing skips the update."""
        first, test, update = (node.field(f) for f in ("initializer", "condition", "update"))
        skips = body is None or any(True for _ in body.find("continue_statement"))
        if body is None or first is None or test is None or update is None or skips:
            return self._other(node, body)
        start = self._statement(first) if first.kind == "declaration" else self._expression(first)
        step = tuple(self._expression(update))
        loop = While("", (*self.body(body), *step), names(node), self.expr(test))
        return While("", (*start, loop), names(node))

    def _while(self, node: Node) -> Iterator[Stmt]:
        test = node.field("condition")
        inner = test.children[0] if test is not None and test.children else None
        yield self._other(node, node.field("body"), self.expr(inner) if inner else None)

    def _other(self, node: Node, body: Node | None, test: Expr | None = None) -> Stmt:
        if body is None:
            return _raw(node)
        head = node.text.encode()[: body.start - node.start].decode().strip()
        whole = names(node) - names(body)
        return While(head, self.body(body), frozenset(whole), test)

    def _if(self, node: Node) -> Iterator[Stmt]:
        test, then, other = (node.field(f) for f in ("condition", "consequence", "alternative"))
        if test is None or then is None:
            yield _raw(node)
            return
        rest = other.children[-1] if other is not None and other.children else None
        yield If(self.expr(test), self.body(then), self.body(rest) if rest else ())

    def expr(self, node: Node) -> Expr:
        """Lower an expression."""
        match node.kind:
            case "identifier":
                return Var(node.text)
            case "number_literal" | "char_literal":
                return Num(node.text)
            case "parenthesized_expression" if len(node.children) == 1:
                return self.expr(node.children[0])
            case "binary_expression" | "subscript_expression" | "conditional_expression":
                return self._compound(node)
            case "call_expression":
                return self._call(node)
            case _:
                return self._prefixed(node)

    def _prefixed(self, node: Node) -> Expr:
        operator, argument = node.field("operator"), node.field("argument")
        kind, value, name = node.field("type"), node.field("value"), node.field("field")
        match node.kind:
            case "unary_expression" | "pointer_expression" if operator and argument:
                if operator.text in _UNARY:
                    return Un(operator.text, self.expr(argument))
            case "cast_expression" if kind and value:
                return Cast(kind.text, self.expr(value))
            case "field_expression" if argument and name:
                arrow = "->" if "->" in node.text[len(argument.text) :] else "."
                return Member(self.expr(argument), arrow, name.text)
            case _:
                pass
        return Text(node.text, names(node))

    def _compound(self, node: Node) -> Expr:
        left, operator, right = (node.field(f) for f in ("left", "operator", "right"))
        if left and operator and right:
            return Bin(operator.text, self.expr(left), self.expr(right))
        array, index = node.field("argument"), node.field("index") or node.field("indices")
        if array and index:
            if index.kind == "subscript_argument_list":
                index = index.children[0]
            return Index(self.expr(array), self.expr(index))
        test, then, other = (node.field(f) for f in ("condition", "consequence", "alternative"))
        if test and then and other:
            return Choice(self.expr(test), self.expr(then), self.expr(other))
        return Text(node.text, names(node))

    def _call(self, node: Node) -> Expr:
        function, given = node.field("function"), node.field("arguments")
        if function is None or given is None or function.kind != "identifier":
            return Text(node.text, names(node))
        args = tuple(self.expr(a) for a in given.children)
        known = self.inlined.get(function.text)
        if known is not None and len(known.parameters) == len(args):
            return substitute(known.value, dict(zip(known.parameters, args, strict=True)))
        return Call(function.text, args)


def _open(stmt: While) -> bool:
    """Say whether a statement is a plain block that declares nothing, so that its braces can go."""
    plain = not stmt.head and stmt.test is None
    return plain and not any(isinstance(s, Declare) for s in stmt.body)


def _raw(node: Node) -> Raw:
    return Raw(node.text, names(node))


def inlinable(functions: tuple[Function, ...]) -> dict[str, Inlined]:
    """Return the static functions that only return an expression of by-value parameters."""
    found: dict[str, Inlined] = {}
    for function in functions:
        body = function.body.children
        simple = function.static and len(body) == 1 and body[0].kind == "return_statement"
        if simple and body[0].children and not any(p.reference for p in function.parameters):
            value = Lowering(found).expr(body[0].children[0])
            found[function.name] = Inlined(tuple(p.name for p in function.parameters), value)
    return found
