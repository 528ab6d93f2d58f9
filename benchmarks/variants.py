"""Make neutral variants and one-token mutants of source texts, by means that the product does not use for itself."""

import ast
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path

from proofsmith.tools import defects, mutation
from proofsmith.tools.syntax import language_of

PACKAGE = Path(__file__).resolve().parents[1] / "proofsmith"
TOKEN = re.compile(
    r"/\*.*?\*/|//[^\n]*|--[^\n]*|^[ \t]*[#`][^\n]*|'(?:[^'\n]|'')*'|\"(?:[^\"\\\n]|\\.)*\"|\s+|\w+|[^\w\s]",
    re.S | re.M,
)
FIXED = ("/*", "//", "--", "'", '"', "#", "`")
SWAPS = {
    "<": "<=",
    ">": ">=",
    "=": "<>",
    "+": "-",
    "-": "+",
    "*": "+",
    "&": "|",
    "|": "&",
    "^": "&",
}
WORDS = {"AND": "OR", "OR": "AND", "SUM": "MIN", "MAX": "MIN", "POSEDGE": "negedge", "DESC": "ASC"}


def corpus(data: Path) -> dict[str, list[tuple[str, str]]]:
    """Return (path, text) by language: bundled kernels, our own modules, TPC queries, RTLLM references."""
    found: dict[str, list[tuple[str, str]]] = {}
    fast = PACKAGE.parent / "tests/fixtures/kernels/fast"
    kernels = sorted([*PACKAGE.glob("domains/kernels/suite/*/*.c*"), *fast.glob("*.c")])
    found["C and C++"] = [(p.name, p.read_text()) for p in kernels]
    found["Python"] = [(p.name, p.read_text()) for p in sorted(PACKAGE.rglob("*.py"))]
    queries = [*rows(data / "sql/tpch_queries.jsonl"), *rows(data / "sql/tpcds_queries.jsonl")]
    found["SQL"] = [("q.sql", row["sql"]) for row in queries]
    found["Verilog"] = [("m.v", row["ref"]) for row in rows(data / "verilog/rtllm_v2.jsonl")]
    return found


def rows(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def reformatted(path: str, text: str, rng: random.Random) -> str | None:
    """Return `text` in another layout."""
    if path.endswith(".py"):
        return ast.unparse(ast.parse(text))
    parts = []
    for match in TOKEN.finditer(text):
        token = match[0]
        blank = not token.strip()
        if blank and "\n" in token:
            parts.append("\n" * rng.randint(1, 2) + " " * rng.randint(0, 6))
        elif blank:
            parts.append(" " * rng.randint(1, 3))
        elif token in (",", ";") and rng.random() < 0.5:
            parts.append(token + " ")
        else:
            parts.append(token)
    comment = {"sql": "-- a remark\n"}.get(path.rsplit(".", 1)[-1], "// a remark\n")
    return "".join([*parts, "\n", comment])


def locals_of(path: str, text: str) -> list[str]:
    """Return names that a reader would rename without a second thought, found by simple patterns."""
    if path.endswith(".py"):
        return [
            node.id
            for function in ast.walk(ast.parse(text))
            if isinstance(function, ast.FunctionDef)
            for statement in function.body
            if isinstance(statement, ast.Assign)
            for node in statement.targets
            if isinstance(node, ast.Name)
            and len(re.findall(rf"\b{node.id}\b", text))
            == len([n for n in ast.walk(function) if isinstance(n, ast.Name) and n.id == node.id])
        ]
    if path.endswith(".sql"):
        found = re.findall(
            r"\b(?:FROM|JOIN)\s+\w+(?:\s+AS)?\s+(\w+)\s*(?=,|\n|ON\b|JOIN\b|WHERE\b)", text, re.I
        )
        return [
            n
            for n in found
            if len(re.findall(rf"\b{n}\.", text))
            and n.upper()
            not in (
                "WHERE",
                "ON",
                "GROUP",
                "ORDER",
                "JOIN",
                "LEFT",
                "INNER",
                "CROSS",
                "UNION",
                "LIMIT",
            )
        ]
    if path.endswith(".v"):
        return re.findall(r"^\s*(?:wire|reg)\s*(?:\[[^]]*\])?\s*(\w+)\s*;", text, re.M)
    return re.findall(r"^\s+(?:int|double|float|size_t|long)\s+([a-z]\w*)\s*=", text, re.M)


def renamed(path: str, text: str, rng: random.Random) -> str | None:
    """Return `text` with one local called otherwise; None when there is none that plainly may be."""
    names = [n for n in dict.fromkeys(locals_of(path, text)) if _plain(path, text, n)]
    if not names:
        return None
    old = rng.choice(names)
    return re.sub(rf"\b{old}\b", f"{old}_other", text)


def _plain(path: str, text: str, old: str) -> bool:
    """Say whether every word `old` is the local: not in a literal, comment or directive, no field, no port."""
    for match in TOKEN.finditer(text):
        token = match[0]
        if token.startswith(FIXED) and re.search(rf"\b{old}\b", token):
            return False
    if re.search(rf"[.>]\s*{old}\b", text):
        return False
    if path.endswith(".v"):
        return len(re.findall(rf"\b(?:input|output|wire|reg)\b[^;]*\b{old}\b", text)) == 1
    return True


def reordered(path: str, text: str, rng: random.Random) -> str | None:
    """Return `text` with two neighbouring definitions that do not mention each other exchanged."""
    if path.endswith(".sql"):
        return _tables_exchanged(text)
    if path.endswith(".py"):
        tree = ast.parse(text)
        for i, (one, two) in enumerate(zip(tree.body, tree.body[1:], strict=False)):
            plain = all(
                isinstance(n, ast.FunctionDef) and not n.decorator_list and not n.args.defaults
                for n in (one, two)
            )
            if plain and one.name != two.name:  # type: ignore[attr-defined]
                known = {n.id for n in ast.walk(tree.body[i]) if isinstance(n, ast.Name)}
                known |= {n.id for n in ast.walk(tree.body[i + 1]) if isinstance(n, ast.Name)}
                if {one.name, two.name} & known:  # type: ignore[attr-defined]
                    continue
                tree.body[i], tree.body[i + 1] = two, one
                return ast.unparse(tree)
        return None
    unit = re.compile(
        r"^module\b.*?^[ \t]*endmodule[^\n]*\n?"
        if path.endswith(".v")
        else r"^[a-z][^\n;{}#]*\([^;{}]*\)\s*\{.*?^\}\n",
        re.S | re.M,
    )
    found = list(unit.finditer(text))
    for one, two in zip(found, found[1:], strict=False):
        names = [re.search(r"(\w+)\s*[(;#]", m[0]) for m in (one, two)]
        if text[one.end() : two.start()].strip() or not all(names):
            continue
        first, second = (m[1] for m in names if m)
        if first not in two[0] and second not in one[0]:
            return (
                text[: one.start()]
                + two[0]
                + text[one.end() : two.start()]
                + one[0]
                + text[two.end() :]
            )
    return None


def _tables_exchanged(text: str) -> str | None:
    """Exchange the first two neighbouring common table expressions of which neither names the other."""
    found: list[tuple[str, int, int]] = []
    for head in re.finditer(r"(?:^\s*WITH|,)\s*(?=(\w+)\s+AS\s*\()", text, re.I):
        depth, at = 0, text.index("(", head.end())
        for token in TOKEN.finditer(text, at):
            depth += {"(": 1, ")": -1}.get(token[0], 0)
            if not depth:
                found.append((head[1].lower(), head.end(), token.end()))
                break
    for one, two in zip(found, found[1:], strict=False):
        first, between, second = text[one[1] : one[2]], text[one[2] : two[1]], text[two[1] : two[2]]
        tied = re.search(rf"\b{one[0]}\b", second, re.I) or re.search(rf"\b{two[0]}\b", first, re.I)
        if between.strip() == "," and not tied:
            return text[: one[1]] + second + between + first + text[two[2] :]
    return None


def mutants(path: str, text: str) -> Iterator[str]:
    """Yield texts that differ in one token with a meaning."""
    if path.endswith(".py"):
        yield from (m.text for m in defects.mutants(text, limit=40))
    elif path.endswith((".c", ".cpp")):
        yield from (m.text for m in mutation.mutants(text, language_of(path))[:60])
    else:
        for match in TOKEN.finditer(text):
            token = match[0]
            other = SWAPS.get(token) or WORDS.get(token.upper())
            other = str(int(token) + 1) if token.isdigit() else other
            if other:
                yield text[: match.start()] + other + text[match.end() :]
