"""Generate a film database and queries in the manner of the Join Order Benchmark: many joins, skew, correlated columns.

Run it as `python -m benchmarks.joblike FOLDER [--films N] [--queries N] [--seed S]`: it writes schema.sql, one CSV file
a table and queries 1a.sql, 1b.sql ... that the suite `job` reads. The real benchmark's folder of queries, with its
schema.sql, is read by the same suite; its data may not be passed on, so none of them are here.

Idea: Leis and others, *How good are query optimizers, really?* (2015); tables, values and queries are our own.
"""

import argparse
import csv
import random
from collections.abc import Iterator
from pathlib import Path

SCHEMA = """CREATE TABLE kind (id INTEGER PRIMARY KEY, name VARCHAR(12) NOT NULL);
CREATE TABLE film (id INTEGER PRIMARY KEY, kind_id INTEGER NOT NULL REFERENCES kind(id),
  title VARCHAR(24) NOT NULL, year INTEGER);
CREATE TABLE person (id INTEGER PRIMARY KEY, name VARCHAR(24) NOT NULL, gender VARCHAR(1));
CREATE TABLE company (id INTEGER PRIMARY KEY, name VARCHAR(24) NOT NULL, country VARCHAR(4));
CREATE TABLE word (id INTEGER PRIMARY KEY, text VARCHAR(16) NOT NULL);
CREATE TABLE cast_in (id INTEGER PRIMARY KEY, film_id INTEGER NOT NULL REFERENCES film(id),
  person_id INTEGER NOT NULL REFERENCES person(id), role INTEGER NOT NULL, place INTEGER);
CREATE TABLE made_by (id INTEGER PRIMARY KEY, film_id INTEGER NOT NULL REFERENCES film(id),
  company_id INTEGER NOT NULL REFERENCES company(id), note VARCHAR(16));
CREATE TABLE told_of (id INTEGER PRIMARY KEY, film_id INTEGER NOT NULL REFERENCES film(id),
  word_id INTEGER NOT NULL REFERENCES word(id));
CREATE TABLE rated (id INTEGER PRIMARY KEY, film_id INTEGER NOT NULL REFERENCES film(id),
  what INTEGER NOT NULL, value INTEGER);
"""
KINDS = ("movie", "episode", "series", "short")
COUNTRIES = ("us", "us", "us", "gb", "fr", "de", "jp", "in", "")
SATELLITES = {
    "cast_in": ("person", "person_id"),
    "made_by": ("company", "company_id"),
    "told_of": ("word", "word_id"),
    "rated": ("", ""),
}
"""Tables that refer to films, each with the other table that it refers to."""
TESTS = {
    "kind": ("{a}.name = 'movie'", "{a}.name IN ('series', 'episode')", "{a}.name <> 'short'"),
    "film": ("{a}.year > 2000", "{a}.year BETWEEN 1980 AND 1995", "{a}.title LIKE 'T1%'"),
    "person": ("{a}.gender = 'f'", "{a}.name LIKE 'P1%'", "{a}.gender IS NULL"),
    "company": ("{a}.country = 'us'", "{a}.country <> 'us'", "{a}.name LIKE 'C2%'"),
    "word": ("{a}.text = 'w1'", "{a}.text IN ('w0', 'w3', 'w11')", "{a}.text LIKE 'w2%'"),
    "cast_in": ("{a}.role = 1", "{a}.role IN (2, 3)", "{a}.place < 4"),
    "made_by": ("{a}.note IS NULL", "{a}.note LIKE 'n1%'", "{a}.note <> 'n10'"),
    "told_of": ("{a}.word_id < 40",),
    "rated": ("{a}.what = 1 AND {a}.value > 80", "{a}.what = 2", "{a}.value < 20"),
}
SHOWN = {"film": "title", "person": "name", "company": "name", "word": "text", "rated": "value"}


def rows(films: int, rng: random.Random) -> Iterator[tuple[str, list[list[object]]]]:
    """Yield each table's rows, parents first; few films have most of everything, and years go with kinds."""
    yield "kind", [[n, name] for n, name in enumerate(KINDS)]
    kinds = [min(int(rng.expovariate(1.2)), 3) for _ in range(films)]
    yield (
        "film",
        [
            [n, k, f"T{n}", "" if rng.random() < 0.05 else 1950 + 15 * k + rng.randrange(20)]
            for n, k in enumerate(kinds)
        ],
    )
    sizes = {"person": films, "company": max(films // 20, 9), "word": max(films // 10, 99)}
    yield "person", [[n, f"P{n}", rng.choice(("m", "m", "f", ""))] for n in range(sizes["person"])]
    yield "company", [[n, f"C{n}", rng.choice(COUNTRIES)] for n in range(sizes["company"])]
    yield "word", [[n, f"w{n}"] for n in range(sizes["word"])]

    def few(count: int) -> int:
        return int(count * rng.random() ** 3)

    for table, share in (("cast_in", 6), ("made_by", 2), ("told_of", 4), ("rated", 2)):
        parent = SATELLITES[table][0]
        made: list[list[object]] = []
        for number in range(films * share):
            film = few(films)
            row: list[object] = [number, film]
            row += [few(sizes[parent])] if parent else []
            if table == "cast_in":
                row += [1 + few(8), rng.choice(("", 1, 2, 3, 9))]
            elif table == "made_by":
                row += [rng.choice(("", f"n{few(30)}"))]
            elif table == "rated":
                row += [1 + few(4), (10 * kinds[film] + rng.randrange(70)) % 101]
            made.append(row)
        yield table, made


def query(rng: random.Random) -> str:
    """Return one query: films with two to four satellites, what these refer to, and a test of most tables."""
    joined, ties, shown, tests = ["film AS f"], [], ["MIN(f.title) AS film"], []
    named = [("film", "f")]
    if rng.random() < 0.6:
        joined.append("kind AS k")
        ties.append("k.id = f.kind_id")
        named.append(("kind", "k"))
    for n, table in enumerate(rng.choices(sorted(SATELLITES), k=rng.randint(2, 4))):
        joined.append(f"{table} AS s{n}")
        ties.append(f"s{n}.film_id = f.id")
        named.append((table, f"s{n}"))
        parent, column = SATELLITES[table]
        if parent:
            joined.append(f"{parent} AS p{n}")
            ties.append(f"p{n}.id = s{n}.{column}")
            named.append((parent, f"p{n}"))
    for table, alias in named:
        if rng.random() < 0.75:
            tests.append(rng.choice(TESTS[table]).format(a=alias))
        if alias != "f" and table in SHOWN and rng.random() < 0.6:
            shown.append(f"MIN({alias}.{SHOWN[table]}) AS {table}_{alias}")
    where = "\n  AND ".join([*ties, *tests])
    return f"SELECT {', '.join(shown)}\nFROM {', '.join(joined)}\nWHERE {where}\n"


def generate(folder: Path, films: int, queries: int, seed: int = 1) -> Path:
    """Write schema, rows and queries below `folder`, unless they are there; return it."""
    if (folder / "complete").is_file():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(seed)
    (folder / "schema.sql").write_text(SCHEMA)
    columns = {
        part.split("(")[0].strip(): [item.split()[0] for item in _columns(part)]
        for part in SCHEMA.split("CREATE TABLE ")[1:]
    }
    for table, made in rows(films, rng):
        with (folder / f"{table}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([columns[table], *made])
    for number in range(queries):
        name = f"{number // 3 + 1}{'abc'[number % 3]}"
        (folder / f"{name}.sql").write_text(query(rng))
    (folder / "complete").write_text("yes\n")
    return folder


def _columns(definition: str) -> list[str]:
    """Return the column definitions of one CREATE TABLE statement, which has no comma inside of them."""
    inner = definition[definition.index("(") + 1 : definition.rindex(");")]
    return [part.strip() for part in inner.split(",")]


def main() -> None:
    """Generate from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--films", type=int, default=20_000)
    parser.add_argument("--queries", type=int, default=33)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    print(generate(given.folder, given.films, given.queries, given.seed))


if __name__ == "__main__":
    main()
