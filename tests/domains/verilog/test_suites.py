"""The public suites of Verilog problems go through the whole workflow by a committed command, each kind of prompt."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.verilog_suite import entries

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "tests" / "fixtures" / "verilog"
PROMPT = """Write a module add.

 - input a (4 bits)
 - input b (4 bits)
 - output s (5 bits)

Add each
input number to the other.
"""
WITHOUT_WIDTHS = """Module name:
    add
Input ports:
    a: First number.
    b: Second number.
Output ports:
    s: Their sum.
"""
RIGHT = (
    "module add(input [3:0] a, input [3:0] b, output [4:0] s);\n  assign s = a + b;\nendmodule\n"
)
WRONG = RIGHT.replace("a + b", "a ^ b")
ROW = {
    "id": "verilogeval/Prob900_add",
    "top": "add",
    "ref_top": "sum",
    "tb_top": "tb",
    "prompt": PROMPT,
    "code_complete": {"prompt": "Add a to b.\nmodule add(input [3:0] a, input [3:0] b, output [4:0] s);\n"},
    "testbench": (FOLDER / "add_tb.sv").read_text(),
    "ref": RIGHT.replace("module add", "module sum"),
    "interface": None,
}  # fmt: skip


@pytest.fixture
def data(tmp_path):
    """Return a data folder of a problem a suite, each with two recorded answers, the first of them wrong."""
    folder = tmp_path / "verilog"
    folder.mkdir()
    other = {**ROW, "id": "rtllm/add", "prompt": WITHOUT_WIDTHS, "code_complete": None}
    (folder / "verilogeval_v2.jsonl").write_text(json.dumps(ROW) + "\n")
    (folder / "rtllm_v2.jsonl").write_text(json.dumps(other) + "\n")
    found = [
        {"id": row["id"], "sample": n, "code": code, "icarus11": "", "formal": ""}
        for row in (ROW, other)
        for n, code in enumerate((WRONG, RIGHT))
    ]
    (folder / "replay_candidates.jsonl").write_text("\n".join(map(json.dumps, found)))
    return tmp_path


def solved(data, *given):
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.verilog_solve", *given],
        cwd=ROOT,
        env={**os.environ, "PROOFSMITH_DATA": str(data)},
        capture_output=True,
        text=True,
        timeout=500,
    )


def test_each_form_of_a_prompt_is_read(data):
    entry = entries(data / "verilog")[ROW["id"]]
    assert entry.text == ROW["prompt"]
    assert entry.completion == ROW["code_complete"]["prompt"]
    assert entry.answer(RIGHT).top == "add"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["spec-to-rtl", "code-complete", "rtllm"])
def test_a_set_is_solved_beside_its_bench_and_graded_by_the_hidden_reference(data, kind):
    done = solved(data, "--set", kind, "--samples", "2")
    assert done.returncode == 0, done.stderr
    assert f"{kind}: 1 problems, 0 not read, 1 pass their bench, 1 confirmed" in done.stdout
    assert "1 proved equal to the hidden reference, 0 different" in done.stdout


def test_a_set_that_differs_in_words_only_is_no_set_of_designs(data):
    done = solved(data, "--set", "code-complete", "--from", "rules")
    assert done.returncode == 2
    assert "name another --set" in done.stderr
