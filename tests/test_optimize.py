"""A real kernel from the command line to the report: killed on the way, continued, verified, measured, replayable."""

import json
import signal

import pytest

from proofsmith.memory.ledger import Ledger
from proofsmith.types import Outcome
from tests.cli.command import proofsmith

KERNEL = """\
/* proofsmith
entry = "matmul"
[sizes]
n = { test = [0, 1, 3, 8, 17], measure = 96 }
[arrays]
A = { shape = "n*n", access = "in" }
B = { shape = "n*n", access = "in" }
C = { shape = "n*n", access = "out" }
[tolerance]
policy = "reassociate"
*/
void matmul(int n, const double *A, const double *B, double *C) {
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            double sum = 0.0;
            for (int k = 0; k < n; k++)
                sum += A[i * n + k] * B[k * n + j];
            C[i * n + j] = sum;
        }
}
"""


@pytest.mark.slow
def test_a_plain_matrix_product_gets_a_verified_gain_although_the_process_is_killed(tmp_path):
    source = tmp_path / "matmul.c"
    source.write_text(KERNEL)

    def optimize(failpoint=""):
        argv = [
            "optimize",
            "matmul.c",
            "--no-model",
            "--json",
            "--budget",
            "3 attempts",
            "--jobs",
            "1",
        ]
        return proofsmith(*argv, cwd=tmp_path, timeout=280, PROOFSMITH_FAILPOINT=failpoint)

    assert optimize("attempt.recorded:2").returncode == -signal.SIGKILL
    (run,) = (tmp_path / ".proofsmith" / "runs").iterdir()
    with Ledger(run / "ledger.sqlite") as ledger:
        before = ledger.all("outcome", Outcome)
    assert len(before) == 2
    done = optimize()
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)["report"]
    assert report["run_id"] == run.name
    assert report["conclusion"] == "improved"
    assert report["ended_by"] == "budget:attempts"
    assert len(report["attempts"]) == 3
    best = report["best"]["comparisons"][0]
    assert best["verdict"] == "faster"
    assert best["low"] > 1
    judged = {o["candidate"]["move"]: o["verdict"]["status"] for o in report["attempts"]}
    tiled = [status for move, status in judged.items() if "tile" in move]
    assert "tested" in tiled  # however fast it is here
    with Ledger(run / "ledger.sqlite") as ledger:
        after = ledger.all("outcome", Outcome)
        confirmations = ledger.all("confirmation", Outcome)
    assert {name: after[name] for name in before} == before
    searched = after[next(iter(confirmations))].comparisons[0]
    assert searched.base_samples != tuple(best["base_samples"])
    assert source.read_text() == KERNEL
    assert {"report.html", "patch.diff", "REPLAY.md", "events.jsonl"} <= {
        p.name for p in run.iterdir()
    }
