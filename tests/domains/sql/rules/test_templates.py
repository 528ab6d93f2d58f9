"""Every rule: fires on its template, gives what the template says, and agrees with it on random databases."""

import itertools
import random
import sqlite3
from collections import Counter

import pytest
import sqlglot

from proofsmith.domains.sql.definitions import parse_schema
from proofsmith.domains.sql.rules import CATALOGUE
from proofsmith.domains.sql.rules.text import qualified, written
from proofsmith.domains.sql.schema import Schema, Table
from tests.domains.sql.rules.templates import TEMPLATES, Template

DATABASES = 120
VALUES = (None, 1, 1, 2, 2, 3)


def schema_of(template: Template) -> Schema:
    return parse_schema(template.schema, "postgresql")


def outputs_of(template: Template) -> list[str]:
    schema = schema_of(template)
    tree = qualified(template.before, schema)
    return [written(made, schema) for made in template.rule.apply(tree, schema)]


def plain(text: str) -> str:
    return " ".join(text.replace('"', "").split())


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.rule.name)
def test_gives_what_its_template_says(template: Template) -> None:
    wanted = written(sqlglot.parse_one(template.after, read="postgres"), schema_of(template))
    assert plain(wanted) in [plain(text) for text in outputs_of(template)]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.rule.name)
def test_leaves_the_tree_it_is_given_alone(template: Template) -> None:
    schema = schema_of(template)
    tree = qualified(template.before, schema)
    text = written(tree, schema)
    list(template.rule.apply(tree, schema))
    assert written(tree, schema) == text


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.rule.name)
def test_does_not_fire_where_it_did_what_it_does_already(template: Template) -> None:
    schema = schema_of(template)
    made = next(template.rule.apply(qualified(template.before, schema), schema))
    assert list(template.rule.apply(made, schema)) == []
    assert list(template.rule.apply(qualified(written(made, schema), schema), schema)) == []


@pytest.mark.parametrize(
    "template", [t for t in TEMPLATES if "DATE" not in t.schema], ids=lambda t: t.rule.name
)
def test_agrees_with_its_input_on_random_databases(template: Template) -> None:
    made = outputs_of(template)
    rng = random.Random(template.rule.name)
    answers = Counter()
    for _ in range(DATABASES):
        database = filled(schema_of(template), rng)
        rows = Counter(database.execute(template.before).fetchall())
        answers[bool(rows)] += 1
        for text in made:
            assert Counter(database.execute(text).fetchall()) == rows, text
    assert answers[True] > DATABASES // 20


def filled(schema: Schema, rng: random.Random) -> sqlite3.Connection:
    database = sqlite3.connect(":memory:")
    keys: dict[str, list[int]] = {}
    for table in schema.only(schema.tables).tables.values():
        names = [column.name for column in table.columns]
        database.execute(f"CREATE TABLE {table.name} ({', '.join(names)})")
        rows = [row_of(table, number, keys, rng) for number in range(rng.choice((0, 1, 2, 3, 5)))]
        keys[table.name] = [row[0] for row in rows if row[0] is not None]
        marks = ", ".join("?" for _ in names)
        database.executemany(
            f"INSERT INTO {table.name} VALUES ({marks})", [r for r in rows if all_given(table, r)]
        )
    return database


def row_of(
    table: Table, number: int, keys: dict[str, list[int]], rng: random.Random
) -> list[int | None]:
    parents = {key.columns[0]: key.table for key in table.foreign_keys}
    row: list[int | None] = []
    for column in table.columns:
        if column.name in table.primary_key:
            row.append(number)
        elif column.name in parents:
            row.append(rng.choice([*keys[parents[column.name]], None]))
        else:
            row.append(rng.choice(VALUES if column.nullable else VALUES[1:]))
    return row


def all_given(table: Table, row: list[int | None]) -> bool:
    return all(v is not None or c.nullable for c, v in zip(table.columns, row, strict=True))


def test_names_are_unique() -> None:
    names = [rule.name for rule in CATALOGUE]
    assert all(one != other for one, other in itertools.combinations(names, 2))


BESIDE_RIGHT = """SELECT d.id FROM u RIGHT JOIN u AS w ON w.id = u.id LEFT JOIN (
    SELECT t.id AS id, t.a AS a FROM (SELECT id, a, v FROM t UNION ALL SELECT id, a, v FROM t) AS t
    WHERE t.v = (SELECT MAX(s.v) FROM t AS s WHERE s.a = t.a)) AS d ON d.a = w.a WHERE w.a = 3 AND d.id > 0"""


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_no_join_is_put_where_sqlite_refuses_one(engine: str) -> None:
    ddl = (
        "CREATE TABLE t (id INTEGER, a INTEGER, v INTEGER); CREATE TABLE u (id INTEGER, a INTEGER)"
    )
    schema = parse_schema(ddl, engine)
    rule = next(rule for rule in CATALOGUE if rule.name == "decorrelate")
    made = [written(tree, schema) for tree in rule.apply(qualified(BESIDE_RIGHT, schema), schema)]
    assert bool(made) is (engine == "postgresql")
