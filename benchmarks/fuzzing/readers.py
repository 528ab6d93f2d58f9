"""What must hold for every text that a reader of SQL, Verilog or Lean is given: one function per reader.

As in `checks.py`: a check returns normally or raises ProofsmithError; anything else is a finding.
"""

import random
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from types import ModuleType

from proofsmith.domains.lean.text import code
from proofsmith.domains.sql.definitions import parse_schema
from proofsmith.domains.sql.query import parse_query, parse_script
from proofsmith.domains.verilog import functions, lexicon
from proofsmith.domains.verilog.design import Design
from proofsmith.domains.verilog.syntax import Node
from proofsmith.errors import UsageError

ENGINES = ("duckdb", "sqlite", "postgresql")
BASE = "SELECT t.a, u.c FROM t JOIN u ON t.a = u.a"
RECURSIVE = (
    "WITH RECURSIVE r(a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM r WHERE a < 9) SELECT a FROM r"
)
OTHER_BASES = (
    RECURSIVE,
    "SELECT random(), now(), getenv('x') FROM t",
    "SELECT a FROM t WHERE a = $p",
    "SELECT g.a FROM range(3) AS g(a) JOIN generate_series(1, 3) AS h(a) ON g.a = h.a",
)
DDL = """CREATE TABLE t (a INTEGER PRIMARY KEY, b VARCHAR, d DATE); CREATE TABLE u (a INTEGER, c DECIMAL(7, 2));
CREATE VIEW v AS SELECT a FROM t;"""
KINDS = {
    "integer",
    "decimal",
    "float",
    "text",
    "enum",
    "timestamp",
    "date",
    "time",
    "boolean",
    "other",
}
MODULE = "module m(input clk, input [3:0] a, output reg [3:0] y);\nalways @(posedge clk) y <= a;\nendmodule\n"
REFERENCE = Design(files={"m.v": MODULE}, top="m")
WIDTH = "8"


class Refused(UsageError):
    """A reader answered with the error that its documentation names."""


def one_line(message: str) -> None:
    assert message
    assert "\n" not in message, f"not one line: {message!r}"


def sql_query(module: ModuleType, text: str, rng: random.Random) -> None:
    engine = rng.choice(ENGINES)
    try:
        query = module.query_of(text, engine)
        names = module.table_names(query, engine)
    except module.Unreadable as error:
        one_line(str(error))
        raise Refused("unreadable") from None
    assert all(isinstance(name, str) for name in names)
    schema = parse_schema(DDL, engine)
    assert module.tables_read(query, schema) <= {"t", "u"}
    module.require_tables(query, schema)
    written = module.statement_text(text, engine)
    assert module.parse_query(written, engine) == query, "its own text is another query"
    whole = module.with_definitions(written, text, engine)
    assert module.query_of(whole, engine) == query, "with its definitions it is another query"
    kept = [module.texts_of(module.parse_script(t, engine).definitions) for t in (text, whole)]
    assert kept[0] == kept[1], "definitions are lost"


def sql_schema(module: ModuleType, text: str, rng: random.Random) -> None:
    schema = module.parse_schema(text, rng.choice(ENGINES))
    assert schema.tables
    for name, table in schema.tables.items():
        assert table.name == name
        assert all(column.kind in KINDS for column in table.columns)
        assert all(isinstance(column.arguments, tuple) for column in table.columns)
        assert all(
            key.columns and len(key.columns) == len(key.references) for key in table.foreign_keys
        )
        assert all(isinstance(said, str) for said in table.constraints())
        assert table.is_key(c.name for c in table.columns) or not all(
            map(table._not_null, table.primary_key or ("?",))
        )
    assert set(schema.only(schema.tables).tables) == set(schema.tables)
    assert schema.mapping().keys() == schema.tables.keys()


def sql_gate(module: ModuleType, text: str, rng: random.Random) -> None:
    engine = rng.choice(ENGINES)
    schema = parse_schema(DDL, engine)
    base = rng.choice((BASE, BASE, *OTHER_BASES))
    beside = parse_script(DDL, engine).definitions
    try:
        query = module.admit(text, parse_query(base, engine), beside, schema)
    except module.Refused as error:
        assert str(error)
        raise Refused("refused") from None
    said = query.sql(comments=False).lower()
    if base is not BASE:
        return
    for word in ("read_csv", "pg_read_file", "random()", "current_date", "getenv", "for update"):
        assert word not in re.sub(r"'[^']*'|\"[^\"]*\"", "", said), f"{word} was let through"
    assert module.depth(query) <= 512


def verilog_lexicon(module: ModuleType, text: str, _rng: random.Random) -> None:
    every = list(module.tokens(text, layout=True))
    assert "".join(token.text for token in every) == text, "characters are lost"
    assert all(token.line <= text.count("\n") + 1 for token in every[-2:])
    bare = module.bare(text)
    assert not any(t.kind in ("comment", "attribute") for t in module.tokens(bare, layout=True))
    known = module.modules(bare)
    assert set(module.tops(bare)) <= known.keys()
    for name, body in known.items():
        assert set(module.instantiated(body, frozenset(known))) <= known.keys()
        assert any(token.name == name for token in body)


def verilog_syntax(module: ModuleType, text: str, _rng: random.Random) -> None:
    root = module.parse(text)
    assert module.splice(text, []) == text
    for node in islice(_below(root), 60):
        assert node.line >= 1
        assert module.splice(text, [module.replaced(node, node.text)]) == text


def _below(root: Node) -> Iterator[Node]:
    stack = [root]
    while stack:
        node = stack.pop()
        yield node
        stack += node.children


def verilog_gate(module: ModuleType, text: str, rng: random.Random) -> None:
    silent = rng.randrange(2) == 0
    candidate = Design(files={"m.v": text, "data.hex": "00"}, top="m", defines=("WIDTH=4",))
    found = module.complaint(candidate, REFERENCE, frozenset({"tb"}), silent=silent)
    for said in (found, module.unsupported(text), module.timed(text)):
        assert not said or "\n" not in said.replace(text, ""), f"not one line: {said!r}"
    if found:
        raise Refused("refused")
    words = [token.text for token in lexicon.tokens(text)]
    for word in ("$fopen", "$random", "$finish", "force", "`SYNTHESIS"):
        assert word not in words, f"{word} was let through"


def verilog_specification(module: ModuleType, text: str, rng: random.Random) -> None:
    reset = rng.choice((None, None, "rst", "rst:0", "rst:x", "a:b:c"))
    found = module.parse(text, Path("spec.md"), {"reset": reset} if reset else {})
    assert found.top
    assert found.interface.ports
    assert re.search(rf"module\s+{found.top}\b", found.skeleton())


def verilog_ports(module: ModuleType, text: str, _rng: random.Random) -> None:
    found = module.ports(text).ports
    assert all(p.width >= 1 and p.direction in ("input", "output", "inout") for p in found)
    assert len({port.name for port in found}) == len(found)


def liberty(module: ModuleType, text: str, _rng: random.Random) -> None:
    library = module.parse(text, "fuzz.lib")
    for cell in library.cells.values():
        assert cell.kind in ("", "ff", "latch")
        for function in cell.outputs.values():
            written = module.expression(function)
            pins = (*cell.inputs, *cell.names)
            try:
                value = functions.compiled(written, tuple(pins))([0b0101] * len(pins), 0b1111)
            except ValueError as error:
                one_line(str(error).replace(written, ""))
                continue
            assert 0 <= value <= 0b1111


def lean_text(module: ModuleType, text: str, _rng: random.Random) -> None:
    bare = module.code(text)
    assert len(bare) == len(text), "places move"
    assert [i for i, c in enumerate(bare) if c == "\n"] == [
        i for i, c in enumerate(text) if c == "\n"
    ]
    assert module.depth_of(text) >= 0
    found = module.commands(text)
    assert all(a.end == b.start for a, b in zip(found, found[1:], strict=False)), "text is lost"
    assert not found or found[-1].end == len(text)
    for command in found:
        whole = text[command.start : command.end]
        assert 0 <= module.statement_end(whole) <= len(whole)
    assert module.is_open(text) == ("sorry" in list(module.words(text)))


def lean_source(module: ModuleType, text: str, rng: random.Random) -> None:
    document = module.take_apart(text, rng.choice(("", "", "", "", "main", "last")))
    imports, body = module.imports_of(text)
    assert (imports, body) == (document.imports, document.body)
    for target in document.targets:
        assert document.body <= target.start < target.end <= len(text)
        assert target.statement.text.endswith(module.SORRY)
        proof = "theorem mine : True := trivial"
        whole = module.with_proof(document, target, proof)
        assert proof in whole
        assert proof in module.proof_of(document, target, whole), (
            "a proof is lost with what is around it"
        )
        alone = f"{text[document.body : target.start]}\n{proof}\n"
        assert proof in module.proof_of(document, target, alone)
        assert module.with_script(target.statement, "simp").endswith("simp")


def lean_gate(module: ModuleType, text: str, rng: random.Random) -> None:
    said = module.refusal(text, native=rng.randrange(4) == 0)
    if said:
        assert len(said) < 400 + len(text)
        raise Refused("refused")
    for word in ("sorry", "axiom", "unsafe", "run_cmd", "macro_rules", "#eval"):
        assert not re.search(rf"(?m)^{word}(?=\s|$)", code(text)), f"{word} was let through"


def lean_shape(module: ModuleType, text: str, rng: random.Random) -> None:
    cut = rng.randrange(len(text) + 1) if rng.randrange(2) else text.rfind("\n") + 1
    shape = module.read(text[:cut], text[cut:])
    assert isinstance(shape.closed, str)
    names = {d.name for d in shape.definitions}
    assert set(shape.recursive) <= set(shape.functions) <= names
    assert set(shape.types) <= names
    variables = {name for binder in shape.binders for name in binder.names}
    assert {name for name, _ in (*shape.data, *shape.hypotheses)} <= variables


def lean_bitvectors(module: ModuleType, text: str, _rng: random.Random) -> None:
    try:
        left, right = module.read_equation(text, WIDTH)
    except module.Unreadable:
        raise Refused("unreadable") from None
    written = f"{left} = {right}"
    if len(written) <= 300:  # parentheses are words too, and there may be so many
        again = module.read_equation(written, WIDTH)
        assert again == (left, right), "its own text is another equation"
    values = dict.fromkeys((*module.names(left), *module.names(right)), 0b1010)
    for side in (left, right):
        assert 0 <= module.evaluate(side, values, int(WIDTH)) < 1 << int(WIDTH)
        assert side in list(module.subterms(side))
