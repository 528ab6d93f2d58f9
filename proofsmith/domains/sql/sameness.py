"""Name what a query asks: equal names for queries that differ in layout, aliases and the order of what cannot fail.

An engine's EXPLAIN leaves out names, types and frames, so that equal plans prove nothing; the name is made of the query
itself. It is a digest of the qualified tree, with aliases numbered by where they stand, and of every word of the text
that is no alias: what the parser reads as one, such as REAL and FLOAT, stays two.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

import sqlglot
from sqlglot import exp
from sqlglot.tokenizer_core import TokenType

from proofsmith.domains.sql import gate
from proofsmith.domains.sql.analysis import first_select, has_star, output_names
from proofsmith.domains.sql.dialect import sqlglot_name
from proofsmith.domains.sql.query import Unreadable, statement_text
from proofsmith.domains.sql.rules.text import qualified
from proofsmith.domains.sql.schema import Schema, kind_of
from proofsmith.domains.sql.source import Source
from proofsmith.tools import normal_form
from proofsmith.types import JSON, Candidate, Problem, canonical, digest

_SILENT = frozenset(
    ("L_PAREN", "R_PAREN", "COMMA", "DOT", "SEMICOLON", "ALIAS", "INNER", "OUTER", "ASC")
    + ("VAR", "IDENTIFIER")
)
_COMPARISONS = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Between, exp.In)
_OTHER_SOURCES = (exp.Lateral, exp.Unnest, exp.Pivot, exp.Values, exp.MatchRecognize)


def name(problem: Problem, source: Source, candidate: Candidate) -> str:
    """Return a digest of settings and query; empty for what is refused, not understood, or named by the engine."""
    path, engine = problem.editable[0], source.schema.dialect
    if any(problem.files.get(p) != text for p, text in candidate.files.items() if p != path):
        return ""
    text = candidate.files.get(path, "")
    try:
        query = gate.admit(text, source.query, source.beside, source.schema)
        tree = qualified(statement_text(text, engine), source.schema)
    except (gate.Refused, Unreadable):
        return ""
    shown = output_names(query)
    if _named_by_engine(query, source.query) or not _plain(query) or not _aliases_numbered(tree):
        return ""
    _joins_alike(tree)
    if not _collated(problem):
        _commuted(tree, source.schema)
    form = normal_form.name("q.sql", tree.sql(sqlglot_name(engine), comments=False))
    said: list[JSON] = [[*w, count] for w, count in sorted(_said(text, query, engine).items())]
    told: dict[str, JSON] = {"outputs": [*shown], "star": has_star(query), "said": said}
    return digest(canonical(candidate.settings), canonical(told), form.digest)


def _collated(problem: Problem) -> bool:
    """Where columns carry an order of their own, the sides of a comparison are not alike."""
    return any("collate" in text.lower() for text in problem.files.values())


def _said(text: str, query: exp.Query, engine: str) -> Counter[tuple[str, str]]:
    """Count keywords, types, functions and literals as they are written, and the names of columns and tables."""
    tokens = sqlglot.tokenize(text, read=sqlglot_name(engine))
    found: Counter[tuple[str, str]] = Counter()
    for token, after in zip(tokens, [*tokens[1:], None], strict=True):
        called = after is not None and after.token_type is TokenType.L_PAREN
        if token.token_type is TokenType.NEQ or token.token_type is TokenType.EQ:
            found["sign", token.token_type.name] += 1
        elif token.token_type in (TokenType.STRING, TokenType.NUMBER):
            found[token.token_type.name, token.text] += 1
        elif token.token_type.name not in _SILENT or (called and token.token_type is TokenType.VAR):
            found["word", " ".join(token.text.lower().split())] += 1
    own = {node.alias.lower() for node in query.find_all(exp.CTE)}
    for node in query.find_all(exp.Column, exp.Alias, exp.Table):
        title = node.alias if isinstance(node, exp.Alias) else node.name
        if not (isinstance(node, exp.Table) and title.lower() in own):
            found[node.key, title] += 1
    return found


def _named_by_engine(query: exp.Query, original: exp.Query) -> bool:
    """Say whether the engine names an output after the text of it where the original's name is asked for."""
    wanted, items = output_names(original), first_select(query).expressions
    told = (exp.Alias, exp.Column, exp.Star)
    places = [at for at, item in enumerate(items) if not isinstance(item, told)]
    return any(has_star(original) or at >= len(wanted) or wanted[at] for at in places)


def _plain(query: exp.Query) -> bool:
    """Say whether every source is a table or a subquery, and no join finds its columns by itself."""
    joins = [join for join in query.find_all(exp.Join) if join.args.get("using") or join.method]
    columns = [alias for alias in query.find_all(exp.TableAlias) if alias.columns]
    return not joins and not columns and query.find(*_OTHER_SOURCES) is None


def _joins_alike(tree: exp.Expr) -> None:
    """Drop the words of a join that say what it is without them."""
    for join in tree.find_all(exp.Join):
        if join.kind == ("OUTER" if join.side else "INNER"):
            join.set("kind", None)


def _aliases_numbered(tree: exp.Expr) -> bool:
    """Call each source by the depth of its SELECT and its place there; False when a column belongs to none."""
    names = {id(select): _numbered(select) for select in tree.find_all(exp.Select)}
    for column in tree.find_all(exp.Column):
        if not column.table:
            continue
        found = next((n[column.table] for n in _around(column, names) if column.table in n), None)
        if found is None:
            return False
        column.set("table", exp.to_identifier(found, quoted=True))
    for select in tree.find_all(exp.Select):
        for item in _sources(select):
            alias = exp.to_identifier(names[id(select)][item.alias_or_name], quoted=True)
            item.set("alias", exp.TableAlias(this=alias))
    return True


def _around(node: exp.Expr, names: Mapping[int, Mapping[str, str]]) -> Iterator[Mapping[str, str]]:
    above = node.parent
    while above is not None:
        if isinstance(above, exp.Select):
            yield names[id(above)]
        above = above.parent


def _numbered(select: exp.Select) -> dict[str, str]:
    depth, above = 0, select.parent
    while above is not None:
        depth, above = depth + isinstance(above, exp.Select), above.parent
    return {item.alias_or_name: f"_{depth}_{at}" for at, item in enumerate(_sources(select))}


def _sources(select: exp.Select) -> list[exp.Expr]:
    start = select.args.get("from_")
    return [
        item.this for item in (start, *select.args.get("joins", ())) if isinstance(item, exp.Expr)
    ]


def _commuted(tree: exp.Expr, schema: Schema) -> None:
    """Put the operands of AND, OR, = and <> in the order of their texts where evaluating them cannot fail.

    What can fail stays where it is, behind the conditions that keep it from failing.
    """
    kinds = {
        (id(select), item.alias_or_name): {
            column.name: kind_of(column.type) for column in schema.tables[item.name].columns
        }
        for select in tree.find_all(exp.Select)
        for item in _sources(select)
        if isinstance(item, exp.Table) and item.name in schema.tables
    }
    for node in reversed(list(tree.find_all(exp.EQ, exp.NEQ))):
        sides = [node.this, node.expression]
        if _safe(node, kinds) and _text(sides[1]) < _text(sides[0]):
            node.set("this", sides[1])
            node.set("expression", sides[0])
    for node in reversed(list(tree.find_all(exp.And, exp.Or))):
        if not isinstance(node.parent, type(node)):
            parts = list(node.flatten())
            runs = groupby(parts, key=lambda part: _safe(part, kinds))
            ordered = [p for safe, run in runs for p in (sorted(run, key=_text) if safe else run)]
            node.replace(_chain(type(node), [_closed(part) for part in ordered]))


def _chain(kind: type[exp.Expr], parts: Sequence[exp.Expr]) -> exp.Expr:
    made = parts[0]
    for part in parts[1:]:
        made = kind(this=made, expression=part)
    return made


def _closed(part: exp.Expr) -> exp.Expr:
    """Return an operand that binds as it stands: what was flattened has lost its parentheses."""
    return exp.Paren(this=part) if isinstance(part, exp.Connector) else part


def _text(node: exp.Expr) -> str:
    return str(node.sql(comments=False))


_Kinds = Mapping[tuple[int, str], Mapping[str, str]]


def _safe(node: exp.Expr, kinds: _Kinds) -> bool:
    """Say whether a condition of plain columns and constants needs no conversion that could fail."""
    if isinstance(node, exp.And | exp.Or | exp.Not | exp.Paren):
        return all(_safe(part, kinds) for part in node.iter_expressions())
    if isinstance(node, exp.Is):
        return isinstance(node.this, exp.Column) and isinstance(node.expression, exp.Null)
    if not isinstance(node, _COMPARISONS) or node.args.get("query") or node.args.get("unnest"):
        return False
    sides = [_kind(part, kinds) for part in node.iter_expressions()]
    if "text" in sides:
        return set(sides) <= {"text", "string"}
    return "" not in sides and "other" not in sides


def _kind(node: exp.Expr, kinds: _Kinds) -> str:
    """Return the class of a column or constant; empty for anything else.

    Engines convert a constant when they read the query, so that a bad one fails wherever it stands.
    """
    if isinstance(node, exp.Literal):
        return "string" if node.is_string else "number"
    if isinstance(node, exp.Cast) and isinstance(node.this, exp.Literal):
        return kind_of(str(node.to.sql()))
    if not isinstance(node, exp.Column):
        return ""
    above = node.parent
    while above is not None:
        known = kinds.get((id(above), node.table))
        if known is not None:
            return known.get(node.name, "")
        above = above.parent
    return ""
