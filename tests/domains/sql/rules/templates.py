"""The smallest pair of queries that shows each rule: what its tests bound, compare and execute."""

from dataclasses import dataclass

from proofsmith.domains.sql.rules import CATALOGUE
from proofsmith.domains.sql.rules.rule import Rule


@dataclass(frozen=True)
class Template:
    """Tables, a query, and the rule's output on it as SQL text of any formatting."""

    rule: Rule
    schema: str
    before: str
    after: str


_PAIRS = {
    "one-to-equality": (
        "CREATE TABLE o (id INTEGER PRIMARY KEY, k INTEGER, x INTEGER); CREATE TABLE i (k INTEGER, v INTEGER);",
        "SELECT id FROM o WHERE NOT x IN (SELECT MAX(v) FROM i WHERE i.k = o.k)",
        "SELECT o.id AS id FROM o AS o WHERE NOT o.x = (SELECT MAX(i.v) AS _col_0 FROM i AS i WHERE i.k = o.k)",
    ),
    "aggregate-first": (
        "CREATE TABLE p (id INTEGER PRIMARY KEY, x INTEGER); CREATE TABLE c (id INTEGER PRIMARY KEY, p_id "
        "INTEGER, v INTEGER);",
        "SELECT p.x, MAX(c.v) AS m FROM p JOIN c ON c.p_id = p.id WHERE c.v > 1 GROUP BY p.x",
        "SELECT p.x AS x, MAX(parts1.part1) AS m FROM p AS p CROSS JOIN (SELECT c.p_id AS p_id, MAX(c.v) AS "
        "part1 FROM c AS c WHERE c.v > 1 GROUP BY c.p_id) AS parts1 WHERE parts1.p_id = p.id GROUP BY p.x",
    ),
    "aggregate-leaf": (
        "CREATE TABLE p (id INTEGER PRIMARY KEY, x INTEGER); CREATE TABLE c (p_id INTEGER, v INTEGER);",
        "SELECT p.x, COUNT(DISTINCT c.v) AS n, MIN(p.id) AS m FROM p LEFT JOIN c ON c.p_id = p.x AND c.v > 1 "
        "GROUP BY p.x",
        "SELECT p.x AS x, COALESCE(MAX(leaf1.part0), 0) AS n, MIN(p.id) AS m FROM p AS p LEFT JOIN "
        "(SELECT c.p_id AS key0, COUNT(DISTINCT c.v) AS part0 FROM c AS c WHERE c.v > 1 GROUP BY c.p_id) AS leaf1 "
        "ON leaf1.key0 = p.x GROUP BY p.x",
    ),
    "aggregate-to-window": (
        "CREATE TABLE t (id INTEGER PRIMARY KEY, k INTEGER, v INTEGER, w INTEGER);",
        "SELECT t.id FROM t WHERE t.v = (SELECT MAX(i.v) FROM t AS i WHERE i.k = t.k AND i.w > 1)",
        "SELECT t.id AS id FROM (SELECT i.id AS id, i.k AS k, i.v AS v, i.w AS w, MAX(CASE WHEN i.w > 1 THEN "
        "i.v END) OVER (PARTITION BY i.k) AS windowed1 FROM t AS i) AS t WHERE t.v = t.windowed1 AND NOT t.k "
        "IS NULL",
    ),
    "count-to-exists": (
        "CREATE TABLE o (id INTEGER PRIMARY KEY, k INTEGER NOT NULL, n INTEGER); CREATE TABLE i (k INTEGER "
        "NOT NULL, n INTEGER, v INTEGER);",
        "SELECT id FROM o WHERE (SELECT COUNT(n) FROM i WHERE i.k = o.k) > 0",
        "SELECT o.id AS id FROM o AS o WHERE EXISTS(SELECT 1 AS one FROM i AS i WHERE i.k = o.k AND NOT i.n "
        "IS NULL)",
    ),
    "decorrelate": (
        "CREATE TABLE o (id INTEGER PRIMARY KEY, k INTEGER, x INTEGER, f INTEGER); CREATE TABLE i (k INTEGER, "
        "v INTEGER);",
        "SELECT id FROM o WHERE x > (SELECT MAX(v) FROM i WHERE i.k = o.k)",
        "SELECT o.id AS id FROM o AS o CROSS JOIN (SELECT i.k AS key1, MAX(i.v) AS value FROM i AS i GROUP BY "
        "i.k) AS grouped1 WHERE o.x > grouped1.value AND grouped1.key1 = o.k",
    ),
    "decorrelate-restricted": (
        "CREATE TABLE o (id INTEGER PRIMARY KEY, k INTEGER, x INTEGER, f INTEGER); CREATE TABLE i (k INTEGER, "
        "v INTEGER);",
        "SELECT id FROM o WHERE f = 1 AND x > (SELECT MAX(v) FROM i WHERE i.k = o.k)",
        "SELECT o.id AS id FROM o AS o CROSS JOIN (SELECT i.k AS key1, MAX(i.v) AS value FROM i AS i WHERE "
        "i.k IN (SELECT o.k AS key FROM o AS o WHERE o.f = 1) GROUP BY i.k) AS grouped1 WHERE o.f = 1 AND o.x "
        "> grouped1.value AND grouped1.key1 = o.k",
    ),
    "drop-distinct": (
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, b INTEGER);",
        "SELECT DISTINCT x.id, y.a FROM t AS x JOIN t AS y ON y.id = x.a",
        "SELECT x.id AS id, y.a AS a FROM t AS x JOIN t AS y ON y.id = x.a",
    ),
    "drop-idle-distinct": (
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, b INTEGER);",
        "SELECT id FROM t WHERE a IN (SELECT DISTINCT b FROM t)",
        "SELECT t.id AS id FROM t AS t WHERE t.a IN (SELECT t.b AS b FROM t AS t)",
    ),
    "drop-inner-join": (
        "CREATE TABLE p (id INTEGER PRIMARY KEY, v INTEGER); CREATE TABLE c (id INTEGER PRIMARY KEY, p_id "
        "INTEGER REFERENCES p(id), w INTEGER);",
        "SELECT p.id, c.w FROM c JOIN p ON c.p_id = p.id WHERE c.w > 1",
        "SELECT c.p_id AS id, c.w AS w FROM c AS c WHERE c.w > 1 AND NOT c.p_id IS NULL",
    ),
    "drop-left-join": (
        "CREATE TABLE p (id INTEGER PRIMARY KEY, v INTEGER); CREATE TABLE c (id INTEGER PRIMARY KEY, p_id "
        "INTEGER REFERENCES p(id), w INTEGER);",
        "SELECT c.w FROM c LEFT JOIN p ON p.id = c.p_id AND p.v > 1",
        "SELECT c.w AS w FROM c AS c",
    ),
    "existence-to-extreme": (
        "CREATE TABLE o (id INTEGER PRIMARY KEY, k INTEGER, d INTEGER); CREATE TABLE i (k INTEGER, d INTEGER, "
        "v INTEGER NOT NULL);",
        "SELECT id FROM o WHERE NOT EXISTS (SELECT 1 FROM i WHERE i.k = o.k AND i.d > o.d AND i.v = 1)",
        "SELECT o.id AS id FROM o AS o WHERE NOT ((SELECT MAX(i.d) AS extreme FROM i AS i WHERE i.k = o.k AND "
        "i.v = 1) > o.d) IS TRUE",
    ),
    "exists-to-in": (
        "CREATE TABLE o (id INTEGER PRIMARY KEY, k INTEGER NOT NULL, n INTEGER); CREATE TABLE i (k INTEGER "
        "NOT NULL, n INTEGER, v INTEGER);",
        "SELECT id FROM o WHERE NOT EXISTS (SELECT 1 FROM i WHERE i.n = o.n AND i.v > 1)",
        "SELECT o.id AS id FROM o AS o WHERE (o.n IS NULL OR NOT o.n IN (SELECT i.n AS key FROM i AS i WHERE "
        "i.v > 1 AND NOT i.n IS NULL))",
    ),
    "factor-or": (
        "CREATE TABLE t (a INTEGER, b INTEGER, c INTEGER);",
        "SELECT c FROM t WHERE (a = 1 AND b = 2) OR (a = 1 AND c = 3)",
        "SELECT t.c AS c FROM t AS t WHERE (t.a = 1 AND (t.b = 2 OR t.c = 3))",
    ),
    "filter-first": (
        "CREATE TABLE t (a INTEGER, b INTEGER); CREATE TABLE u (a INTEGER, c INTEGER);",
        "SELECT x.b FROM t AS x, u, t AS y WHERE x.a = u.a AND y.a = u.c AND u.c = 2",
        "WITH filtered1 AS MATERIALIZED (SELECT u.a AS a, u.c AS c FROM u AS u WHERE u.c = 2) SELECT x.b AS b "
        "FROM t AS x, filtered1 AS u, t AS y WHERE x.a = u.a AND y.a = u.c AND u.c = 2",
    ),
    "first-to-extreme": (
        "CREATE TABLE o (id INTEGER PRIMARY KEY, k INTEGER, d INTEGER); CREATE TABLE i (k INTEGER, d INTEGER, "
        "v INTEGER NOT NULL);",
        "SELECT id, (SELECT v FROM i WHERE i.k = o.k ORDER BY v DESC LIMIT 1) AS m FROM o",
        "SELECT o.id AS id, (SELECT MAX(i.v) AS v FROM i AS i WHERE i.k = o.k) AS m FROM o AS o",
    ),
    "follow-equalities": (
        "CREATE TABLE t (a INTEGER, d DATE); CREATE TABLE u (a INTEGER, b INTEGER);",
        "SELECT b FROM t JOIN u ON t.a = u.a WHERE t.a BETWEEN 1 AND 3",
        "SELECT u.b AS b FROM t AS t JOIN u AS u ON t.a = u.a WHERE t.a BETWEEN 1 AND 3 AND u.a BETWEEN 1 AND "
        "3",
    ),
    "having-to-where": (
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, b INTEGER);",
        "SELECT a, SUM(b) AS s FROM t GROUP BY a HAVING a > 1 AND SUM(b) > 2",
        "SELECT t.a AS a, SUM(t.b) AS s FROM t AS t WHERE t.a > 1 GROUP BY t.a HAVING SUM(t.b) > 2",
    ),
    "in-to-exists": (
        "CREATE TABLE o (id INTEGER PRIMARY KEY, k INTEGER NOT NULL, n INTEGER); CREATE TABLE i (k INTEGER "
        "NOT NULL, n INTEGER, v INTEGER);",
        "SELECT id FROM o WHERE n NOT IN (SELECT k FROM i WHERE v > 1)",
        "SELECT o.id AS id FROM o AS o WHERE (NOT o.n IS NULL OR NOT EXISTS(SELECT 1 AS one FROM i AS i WHERE "
        "i.v > 1)) AND NOT EXISTS(SELECT 1 AS one FROM i AS i WHERE i.v > 1 AND i.k = o.n)",
    ),
    "inline-cte": (
        "CREATE TABLE t (a INTEGER, b INTEGER); CREATE TABLE u (a INTEGER, c INTEGER);",
        "WITH g AS (SELECT a, SUM(b) AS s FROM t GROUP BY a) SELECT x.a, y.s FROM g AS x JOIN g AS y ON x.s = "
        "y.a",
        "WITH g AS NOT MATERIALIZED (SELECT t.a AS a, SUM(t.b) AS s FROM t AS t GROUP BY t.a) SELECT x.a AS "
        "a, y.s AS s FROM g AS x JOIN g AS y ON x.s = y.a",
    ),
    "join-to-exists": (
        "CREATE TABLE p (id INTEGER PRIMARY KEY, x INTEGER); CREATE TABLE c (p_id INTEGER, v INTEGER);",
        "SELECT p.x, MIN(p.id) AS m FROM p JOIN c ON c.p_id = p.id WHERE c.v > 1 GROUP BY p.x",
        "SELECT p.x AS x, MIN(p.id) AS m FROM p AS p WHERE EXISTS(SELECT 1 AS one FROM c AS c WHERE c.v > 1 AND "
        "c.p_id = p.id) GROUP BY p.x",
    ),
    "limit-branches": (
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER NOT NULL, b INTEGER); CREATE TABLE u (id INTEGER "
        "PRIMARY KEY, a INTEGER NOT NULL, b INTEGER);",
        "SELECT id, a FROM t UNION ALL SELECT id, a FROM u ORDER BY id, a LIMIT 1",
        "SELECT first1.id AS id, first1.a AS a FROM (SELECT t.id AS id, t.a AS a FROM t AS t ORDER BY id, a "
        "LIMIT 1) AS first1 UNION ALL SELECT first2.id AS id, first2.a AS a FROM (SELECT u.id AS id, u.a AS a "
        "FROM u AS u ORDER BY id, a LIMIT 1) AS first2 ORDER BY id, a LIMIT 1",
    ),
    "materialize-cte": (
        "CREATE TABLE t (a INTEGER, b INTEGER); CREATE TABLE u (a INTEGER, c INTEGER);",
        "WITH g AS (SELECT a, SUM(b) AS s FROM t GROUP BY a) SELECT g.s FROM u JOIN g ON u.a = g.a",
        "WITH g AS MATERIALIZED (SELECT t.a AS a, SUM(t.b) AS s FROM t AS t GROUP BY t.a) SELECT g.s AS s "
        "FROM u AS u JOIN g AS g ON u.a = g.a",
    ),
    "merge-derived": (
        "CREATE TABLE t (a INTEGER, b INTEGER, c INTEGER);",
        "SELECT p.n, q.s FROM (SELECT COUNT(*) AS n FROM t WHERE c = 3 AND a = 1) AS p, (SELECT SUM(b) AS s "
        "FROM t WHERE c = 3 AND a = 2) AS q",
        "SELECT merged1.value1 AS n, merged1.value2 AS s FROM (SELECT COUNT(CASE WHEN t.a = 1 THEN 1 END) AS "
        "value1, SUM(CASE WHEN t.a = 2 THEN t.b END) AS value2 FROM t AS t WHERE t.c = 3 AND (t.a = 1 OR t.a "
        "= 2)) AS merged1",
    ),
    "merge-scalars": (
        "CREATE TABLE t (a INTEGER, b INTEGER, c INTEGER);CREATE TABLE u (x INTEGER);",
        "SELECT x, (SELECT COUNT(*) FROM t WHERE c = 3 AND a = 1) AS n, (SELECT SUM(b) FROM t WHERE c = 3 AND "
        "a = 2) AS s FROM u",
        "SELECT u.x AS x, merged1.value1 AS n, merged1.value2 AS s FROM u AS u CROSS JOIN (SELECT COUNT(CASE "
        "WHEN t.a = 1 THEN 1 END) AS value1, SUM(CASE WHEN t.a = 2 THEN t.b END) AS value2 FROM t AS t WHERE "
        "t.c = 3 AND (t.a = 1 OR t.a = 2)) AS merged1",
    ),
    "nothing": (
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, b INTEGER);",
        "SELECT COUNT(*) AS n FROM t WHERE a > 3 AND b = 1 AND a < 2",
        "SELECT COUNT(*) AS n FROM t AS t WHERE FALSE",
    ),
    "outer-to-inner": (
        "CREATE TABLE p (id INTEGER PRIMARY KEY, v INTEGER); CREATE TABLE c (id INTEGER PRIMARY KEY, p_id "
        "INTEGER REFERENCES p(id), w INTEGER);",
        "SELECT c.id FROM c LEFT JOIN p ON c.p_id = p.id WHERE p.v > 1",
        "SELECT c.id AS id FROM c AS c JOIN p AS p ON c.p_id = p.id WHERE p.v > 1",
    ),
    "period-to-range": (
        "CREATE TABLE t (a INTEGER, d TIMESTAMP, e DATE);",
        "SELECT a FROM t WHERE DATE_TRUNC('MONTH', d) = '2024-02-01'",
        "SELECT t.a AS a FROM t AS t WHERE (t.d >= CAST('2024-02-01' AS TIMESTAMP) AND t.d < CAST('2024-03-01' AS "
        "TIMESTAMP))",
    ),
    "restrict-groups": (
        "CREATE TABLE f (k INTEGER, y INTEGER, v INTEGER); CREATE TABLE d (k INTEGER PRIMARY KEY, a INTEGER);",
        "SELECT d.k, g.s FROM d JOIN (SELECT k, SUM(v) AS s FROM f GROUP BY k) AS g ON g.k = d.k WHERE d.a = "
        "1",
        "SELECT d.k AS k, g.s AS s FROM d AS d JOIN (SELECT f.k AS k, SUM(f.v) AS s FROM f AS f WHERE f.k IN "
        "(SELECT d.k AS key FROM d AS d WHERE d.a = 1) GROUP BY f.k) AS g ON g.k = d.k WHERE d.a = 1",
    ),
    "setop-to-exists": (
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER NOT NULL, b INTEGER); CREATE TABLE u (id INTEGER "
        "PRIMARY KEY, a INTEGER NOT NULL, b INTEGER);",
        "SELECT a, b FROM t EXCEPT SELECT a, b FROM u",
        "SELECT DISTINCT kept1.a AS a, kept1.b AS b FROM (SELECT t.a AS a, t.b AS b FROM t AS t) AS kept1 "
        "WHERE NOT EXISTS(SELECT 1 AS one FROM (SELECT u.a AS a, u.b AS b FROM u AS u) AS other1 WHERE "
        "other1.a = kept1.a AND other1.b IS NOT DISTINCT FROM kept1.b)",
    ),
    "share-derived": (
        "CREATE TABLE t (a INTEGER, b INTEGER); CREATE TABLE u (a INTEGER, c INTEGER);",
        "SELECT x.a, y.s FROM (SELECT a, SUM(b) AS s FROM t GROUP BY a) AS x JOIN (SELECT a, SUM(b) AS s FROM "
        "t GROUP BY a) AS y ON x.s = y.a",
        "WITH shared1 AS (SELECT t.a AS a, SUM(t.b) AS s FROM t AS t GROUP BY t.a) SELECT x.a AS a, y.s AS s "
        "FROM shared1 AS x JOIN shared1 AS y ON x.s = y.a",
    ),
    "share-filters": (
        "CREATE TABLE f (k INTEGER, y INTEGER, v INTEGER); CREATE TABLE d (k INTEGER PRIMARY KEY, a INTEGER);",
        "WITH c AS (SELECT k, y, SUM(v) AS s FROM f GROUP BY k, y) SELECT p.k, p.s AS s1, q.s AS s2 FROM c AS "
        "p, c AS q WHERE p.k = q.k AND p.y = 1 AND q.y = 2",
        "WITH c AS (SELECT f.k AS k, f.y AS y, SUM(f.v) AS s FROM f AS f WHERE (f.y = 1 OR f.y = 2) GROUP BY "
        "f.k, f.y) SELECT p.k AS k, p.s AS s1, q.s AS s2 FROM c AS p, c AS q WHERE p.k = q.k AND p.y = 1 AND "
        "q.y = 2",
    ),
    "specialise-cte": (
        "CREATE TABLE f (k INTEGER, y INTEGER, v INTEGER); CREATE TABLE d (k INTEGER PRIMARY KEY, a INTEGER);",
        "WITH c AS (SELECT k, y, SUM(v) AS s FROM f GROUP BY k, y) SELECT p.k, p.s AS s1, q.s AS s2 FROM c AS "
        "p, c AS q WHERE p.k = q.k AND p.y = 1 AND q.y = 2",
        "WITH c_1 AS (SELECT f.k AS k, f.y AS y, SUM(f.v) AS s FROM f AS f WHERE f.y = 1 GROUP BY f.k, f.y), "
        "c_2 AS (SELECT f.k AS k, f.y AS y, SUM(f.v) AS s FROM f AS f WHERE f.y = 2 GROUP BY f.k, f.y) SELECT "
        "p.k AS k, p.s AS s1, q.s AS s2 FROM c_1 AS p, c_2 AS q WHERE p.k = q.k AND p.y = 1 AND q.y = 2",
    ),
    "specialise-cte-joined": (
        "CREATE TABLE f (k INTEGER, y INTEGER, v INTEGER); CREATE TABLE d (k INTEGER PRIMARY KEY, a INTEGER);",
        "WITH c AS (SELECT k, y, SUM(v) AS s FROM f GROUP BY k, y) SELECT p.k, p.s AS s1, q.s AS s2 FROM c AS "
        "p, c AS q WHERE p.k = q.k AND p.y = 1 AND q.y = 2",
        "WITH c_1 AS (SELECT f.k AS k, f.y AS y, SUM(f.v) AS s FROM f AS f WHERE f.y = 1 GROUP BY f.k, f.y), "
        "c_2 AS (SELECT f.k AS k, f.y AS y, SUM(f.v) AS s FROM f AS f WHERE f.y = 2 GROUP BY f.k, f.y) SELECT "
        "p.k AS k, p.s AS s1, q.s AS s2 FROM c_1 AS p, c_2 AS q WHERE p.k = q.k AND p.y = 1 AND q.y = 2",
    ),
    "specialise-cte-materialized": (
        "CREATE TABLE f (k INTEGER, y INTEGER, v INTEGER); CREATE TABLE d (k INTEGER PRIMARY KEY, a INTEGER);",
        "WITH c AS (SELECT k, y, SUM(v) AS s FROM f GROUP BY k, y) SELECT p.k, p.s AS s1, q.s AS s2 FROM c AS "
        "p, c AS q WHERE p.k = q.k AND p.y = 1 AND q.y = 2",
        "WITH c_1 AS MATERIALIZED (SELECT f.k AS k, f.y AS y, SUM(f.v) AS s FROM f AS f WHERE f.y = 1 GROUP "
        "BY f.k, f.y), c_2 AS MATERIALIZED (SELECT f.k AS k, f.y AS y, SUM(f.v) AS s FROM f AS f WHERE f.y = "
        "2 GROUP BY f.k, f.y) SELECT p.k AS k, p.s AS s1, q.s AS s2 FROM c_1 AS p, c_2 AS q WHERE p.k = q.k "
        "AND p.y = 1 AND q.y = 2",
    ),
    "split-or": (
        "CREATE TABLE t (a INTEGER, b INTEGER, c INTEGER);",
        "SELECT c FROM t WHERE a = 1 OR b = 2",
        "SELECT branches1.t_c AS c FROM (SELECT t.c AS t_c FROM t AS t WHERE t.a = 1 UNION ALL SELECT t.c AS "
        "t_c FROM t AS t WHERE t.b = 2 AND NOT (t.a = 1) IS TRUE) AS branches1",
    ),
    "subquery-to-running": (
        "CREATE TABLE t (id INTEGER PRIMARY KEY, k INTEGER, v INTEGER);",
        "SELECT id, (SELECT SUM(v) FROM t AS i WHERE i.k = t.k AND i.id <= t.id) AS s FROM t",
        "SELECT t.id AS id, CASE WHEN NOT t.k IS NULL THEN t.running1 END AS s FROM (SELECT i.id AS id, i.k "
        "AS k, i.v AS v, SUM(i.v) OVER (PARTITION BY i.k ORDER BY i.id) AS running1 FROM t AS i) AS t",
    ),
    "unite-existence": (
        "CREATE TABLE o (id INTEGER PRIMARY KEY, k INTEGER NOT NULL, n INTEGER); CREATE TABLE i (k INTEGER "
        "NOT NULL, n INTEGER, v INTEGER);",
        "SELECT id FROM o WHERE EXISTS (SELECT 1 FROM i WHERE i.k = o.k AND i.v = 1) OR EXISTS (SELECT 1 FROM "
        "i WHERE i.n = o.k)",
        "SELECT o.id AS id FROM o AS o WHERE o.k IN (SELECT i.k AS key FROM i AS i WHERE i.v = 1 UNION ALL "
        "SELECT i.n AS key FROM i AS i)",
    ),
    "unmatched-to-absent": (
        "CREATE TABLE t (id INTEGER PRIMARY KEY, k INTEGER, v INTEGER);",
        "SELECT a.id FROM t AS a LEFT JOIN t AS b ON b.k = a.k AND b.v > a.v WHERE b.id IS NULL",
        "SELECT a.id AS id FROM t AS a WHERE NOT EXISTS(SELECT 1 AS one FROM t AS b WHERE b.k = a.k AND b.v > a.v)",
    ),
}
TEMPLATES = tuple(Template(rule, *_PAIRS[rule.name]) for rule in CATALOGUE)
"""A rule without a pair ends the collection of these tests."""
