"""Plans of the three engines become one tree; digests ignore costs; reports get a bounded form."""

import json

from proofsmith.domains.sql.plans import MOST_OPERATORS, Operator, as_json, read_plan, shape_of

POSTGRESQL = [
    {
        "Plan": {
            "Node Type": "Nested Loop",
            "Total Cost": 9.5,
            "Plan Rows": 3,
            "Actual Rows": 2,
            "Actual Loops": 1,
            "Actual Total Time": 8.0,
            "Plans": [
                {
                    "Node Type": "Seq Scan",
                    "Relation Name": "t",
                    "Filter": "(a > 1)",
                    "Plan Rows": 1,
                    "Actual Rows": 5,
                    "Actual Loops": 3,
                    "Actual Total Time": 2.0,
                    "Rows Removed by Filter": 40,
                    "Temp Written Blocks": 7,
                }
            ],
        }
    }
]
DUCKDB = {
    "children": [
        {
            "operator_name": "HASH_JOIN",
            "operator_timing": 0.5,
            "operator_cardinality": 4,
            "extra_info": {"Estimated Cardinality": "9", "Conditions": "a = b"},
            "children": [{"operator_name": "TABLE_SCAN", "operator_timing": 0.25, "children": []}],
        }
    ]
}
SQLITE = [[2, 0, 0, "SCAN t"], [5, 0, 0, "CORRELATED SCALAR SUBQUERY 1"], [6, 5, 0, "SCAN u"]]


def test_postgresql_times_are_totals_over_all_loops_and_own_time_leaves_children_out():
    tree = read_plan(POSTGRESQL)
    scan = tree.children[0]
    assert (scan.rows, scan.total_s, scan.removed_rows) == (15, 0.006, 120)
    assert scan.spilled_blocks == 7
    assert abs(tree.own_s - 0.002) < 1e-12


def test_duckdb_plans_are_read_from_text_or_tree():
    tree = read_plan(json.dumps(DUCKDB))
    assert tree == read_plan(DUCKDB)
    assert (tree.name, tree.detail, tree.rows, tree.estimated_rows) == ("HASH_JOIN", "a = b", 4, 9)
    assert tree.total_s == 0.75


def test_sqlite_rows_become_a_tree():
    tree = read_plan(SQLITE)
    assert [(o.name, o.detail) for o in tree.walk()] == [
        ("QUERY", ""),
        ("SCAN", "t"),
        ("CORRELATED", "SCALAR SUBQUERY 1"),
        ("SCAN", "u"),
    ]


def test_the_digest_ignores_costs_and_sees_conditions():
    cheaper = json.loads(json.dumps(POSTGRESQL))
    cheaper[0]["Plan"]["Total Cost"] = 1.0
    other = json.loads(json.dumps(POSTGRESQL))
    other[0]["Plan"]["Plans"][0]["Filter"] = "(a > 2)"
    assert shape_of(cheaper) == shape_of(POSTGRESQL) != shape_of(other)


def test_what_is_no_plan_is_none():
    assert read_plan("no plan") is None
    assert read_plan(None) is None
    assert shape_of([]) == ""


def test_long_plans_are_cut_for_reports():
    wide = Operator(name="Append", children=tuple(Operator(name="Scan") for _ in range(1000)))
    assert len(as_json(wide)["children"]) < MOST_OPERATORS
