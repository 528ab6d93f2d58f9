"""What is believed of a timer's report, with a sandbox that says whatever the test wants."""

import json

import pytest

from proofsmith.domains.kernels.contract import Array, Contract, Scalar, Size, Tolerance, element
from proofsmith.domains.kernels.timing import Bench, order
from proofsmith.errors import SandboxError
from proofsmith.types import ExecResult

INT, DOUBLE, UNSIGNED = element("int"), element("double"), element("unsigned")
CONTRACT = Contract(
    entry="f",
    result=DOUBLE,
    parameters=("n", "x", "y", "key", "start", "alpha"),
    sizes={"n": Size(name="n", element=INT, test=(0,), measure=10)},
    arrays={
        "x": Array(name="x", element=DOUBLE, shape="n", access="in", low="-1", high="n"),
        "y": Array(name="y", element=DOUBLE, shape="2*n", access="out"),
        "key": Array(name="key", element=UNSIGNED, shape="n", access="inout"),
        "start": Array(
            name="start", element=INT, shape="n+1", access="in", structure="offsets", into="3*n"
        ),
    },
    scalars={"alpha": Scalar(name="alpha", element=DOUBLE, low="-2", high="2", measure=1.5)},
    tolerance=Tolerance(policy="reassociate"),
)
BLOCK = [1000.0, 1100.0, 1500.0, 300.0, 2, 1]


class Scripted:
    """A sandbox whose program prints the given rows, with the nonce that it was told or a wrong one."""

    level = "scripted"

    def __init__(self, *rows, nonce=None, exceeded="", exit_code=0):
        self.rows, self.nonce, self.stdin = rows, nonce, b""
        self.exceeded, self.exit_code = exceeded, exit_code

    def fresh(self):
        return self

    async def write(self, path, data, *, executable=False):
        assert path in ("timer", "side", "base.so", "candidate.so")

    async def exec(self, argv, *, limits, stdin, env, observe):
        self.stdin = stdin
        nonce = self.nonce or stdin.decode().split()[0]
        lines = [json.dumps({"nonce": nonce, **row}) for row in self.rows]
        return ExecResult(
            exit_code=self.exit_code,
            stdout="\n".join(lines).encode(),
            stderr=b"it died",
            exceeded=self.exceeded,
        )


def bench():
    return Bench(
        contract=CONTRACT,
        base=b"b",
        candidate=b"c",
        symbols=("f", "f"),
        timer=b"t",
        side=b"s",
        threaded=False,
    )


READY = {"event": "ready", "repeats": 4, "tries": 3, "core": 1}
PAIR = {"event": "pair", "base": [BLOCK, BLOCK], "candidate": [BLOCK, BLOCK]}
END = {"event": "end", "reason": "complete"}


async def test_a_report_becomes_pairs_in_seconds():
    box = Scripted(READY, PAIR, PAIR | {"event": "self"}, END)
    session = await bench().run(box, [0, 5], seed=7, limit_s=3)
    assert (session.repeats, session.tries, session.core, session.problem) == (4, 3, 1, "")
    assert [pair.own for pair in session.pairs] == [False, True]
    block = session.pairs[0].base[0]
    assert (block.time_s, block.delay_s) == pytest.approx((1e-6, 3e-7))
    assert (block.involuntary, block.threads) == (2, 1)


async def test_the_plan_describes_every_parameter_and_the_result():
    box = Scripted(READY, END)
    await bench().run(box, [0, 3], seed=7, limit_s=3, repeats=2)
    lines = [line.split() for line in box.stdin.decode().strip().splitlines()[-7:]]
    assert [line[2] for line in lines] == ["1", "10", "20", "10", "11", "1", "1"]
    assert [line[3] for line in lines] == ["0", "0", "1", "2", "0", "0", "1"]
    assert [float(v) for v in lines[1][5:7]] == [-1, 10]
    assert [float(v) for v in lines[3][5:7]] == [0, 2**32 - 1]
    assert [float(v) for v in lines[4][5:7]] == [0, 30]
    assert [float(v) for v in lines[5][5:7]] == [1.5, 1.5]
    assert float(lines[2][7]) > 0


async def test_a_line_without_the_nonce_discredits_the_report():
    with pytest.raises(SandboxError, match="not its own"):
        await bench().run(Scripted(READY, PAIR, END, nonce="0"), [0], seed=7, limit_s=3)


@pytest.mark.parametrize("rows", [(), (READY, PAIR), ({"event": "broken", "reason": "fork"},)])
async def test_a_report_without_an_end_is_a_failure_of_the_machinery(rows):
    with pytest.raises(SandboxError, match="the timer failed"):
        await bench().run(Scripted(*rows, exit_code=1), [0], seed=7, limit_s=3)


async def test_a_session_over_its_limits_is_the_candidates_problem():
    box = Scripted(READY, PAIR, exceeded="memory", exit_code=None)
    session = await bench().run(box, [0], seed=7, limit_s=3)
    assert "memory limit" in session.problem


async def test_a_difference_is_told_by_the_name_of_the_array():
    wrong = {"event": "wrong", "reason": "parameter 2 differs from the base at element 5 by 0.1"}
    session = await bench().run(Scripted(READY, wrong), [0], seed=7, limit_s=3)
    assert session.problem.startswith(
        "wrong on fresh inputs: 'y' differs from the base at element 5"
    )


async def test_running_out_of_time_keeps_the_pairs():
    late = {"event": "deadline", "reason": "3000 ms"}
    session = await bench().run(Scripted(READY, PAIR, late), [0, 0], seed=7, limit_s=3)
    assert session.out_of_time
    assert len(session.pairs) == 1
    assert session.problem == ""


def test_orders_of_a_pair_are_all_different():
    codes = {
        order(a, b, own=c) for a in (True, False) for b in (True, False) for c in (True, False)
    }
    assert codes == set(range(8))
