"""A specification without a bench or a reference: versions and the benches that they bring along vote, or abstain."""

import json
from pathlib import Path

import pytest

from proofsmith.agents.election import chosen
from proofsmith.protocols import Poll
from tests.cli.command import proofsmith

FOLDER = Path(__file__).parents[2] / "fixtures" / "verilog"
BENCH = (FOLDER / "add_tb.sv").read_text().replace("module tb", "module add_bench")


def reply(body, bench=BENCH):
    module = f"module add(input [3:0] a, input [3:0] b, output [4:0] s);\n{body}\nendmodule\n"
    return f"### add.sv\n```verilog\n{module}```\n\n### add_bench.sv\n```verilog\n{bench}```\n"


def bench(wanted, steps=256):
    """Return another bench, which compares the sum with the expression `wanted`."""
    text = BENCH.replace("{1'b0, a} + {1'b0, b}", wanted).replace("i < 256", f"i < {steps}")
    return text.replace("all tests passed", "PASS")


RIGHT = (
    reply("  assign s = a + b;"),
    reply("  assign s = {1'b0, a} + {1'b0, b};", bench("a + b", 255)),
    reply("  wire [4:0] x = a; assign s = x + b;", bench("b + {1'b0, a}", 254)),
)
TRUNCATED = reply("  wire [3:0] t = a + b; assign s = t;", bench("{1'b0, a[3:0] + b[3:0]} & 5'd15"))
DIFFERENT = reply("  assign s = a ^ b;", bench("(a ^ b)"))
HOLLOW = BENCH.replace("!==", "!=")


def solved(replies, tmp_path, endpoint):
    """Run `proofsmith solve` against an endpoint with these replies; return its exit code and the report."""
    endpoint.script = list(replies)
    (tmp_path / "add.md").write_text((FOLDER / "add.md").read_text())
    done = proofsmith(
        "solve", "add.md", "--top", "add", "--json", "--base-url", endpoint.base_url, "--model", "loopback",
        "--strategy", "best_of", "--budget", f"{len(replies)} attempts", "--jobs", "1", cwd=tmp_path, timeout=300,
    )  # fmt: skip
    return done.returncode, json.loads(done.stdout)["report"]


@pytest.mark.slow
def test_versions_that_agree_outvote_a_wrong_one_and_are_tested_at_most(tmp_path, endpoint):
    code, report = solved((TRUNCATED, *RIGHT), tmp_path, endpoint)
    assert code == 0
    verdict = report["best"]["verdict"]
    assert verdict["status"] == "tested"
    assert "assign s = a + b" in report["best"]["candidate"]["files"]["add.sv"]
    facts = verdict["evidence"][0]["facts"]
    assert facts["vote"] == "independent programs agree"
    assert (facts["versions"], facts["benches"], facts["benches passed"]) == (4, 4, 3)
    assert facts["killed"] == facts["mutants"] > 0
    assert "--testbench" in verdict["evidence"][0]["command"]
    assert {a["verdict"]["status"] for a in report["attempts"]} == {"undecided"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("replies", "reason"),
    [
        (RIGHT[:1], "no vote: 1 versions"),
        ((TRUNCATED, DIFFERENT), "no bench but its own passes it"),
        ((reply("  assign s = a + b;", HOLLOW), RIGHT[1]), "no vote: 1 versions"),
    ],
    ids=["one version", "versions that differ", "a bench that an empty module passes"],
)
def test_a_vote_that_shows_nothing_abstains_with_its_reason(replies, reason, tmp_path, endpoint):
    code, report = solved(replies, tmp_path, endpoint)
    assert code == 1
    assert report["best"] is None
    assert reason in " ".join(report["explanation"])


def test_versions_of_one_line_count_once():
    tests = frozenset({"a", "b"})
    poll = Poll(
        passed={"a": tests, "b": tests, "c": frozenset({"c"})},
        trust=dict.fromkeys("abc", "checked"),
    )
    alone = chosen(poll, {"a": "a", "b": "b", "c": "c"})
    repaired = chosen(poll, {"a": "a", "b": "a", "c": "c"})
    assert alone.ids == repaired.ids == ("a", "b")
    assert "agree" not in repaired.reason
