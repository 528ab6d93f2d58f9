"""What rules propose, in which order, and that it is right."""

import re
from pathlib import Path

import pytest

from proofsmith.domains.kernels import flag_grid
from proofsmith.domains.kernels.compile import base_of
from proofsmith.domains.kernels.domain import KernelsDomain
from proofsmith.domains.kernels.rules import facts_of, propose
from proofsmith.domains.kernels.suite import Entry, read
from proofsmith.executors.choice import open_sandbox
from proofsmith.types import Candidate, Depth, ExecResult, Goal, Status

RULES = Path(__file__).parents[2] / "fixtures/kernels/rules"


class Shelf:
    """A sandbox double that only knows which programs are installed, and counts what it is asked."""

    def __init__(self, *installed: str) -> None:
        self.installed, self.asked = installed, []

    def fresh(self):
        return self

    async def exec(self, argv, *, limits):
        self.asked.append(argv[0])
        return ExecResult(exit_code=0 if argv[0] in self.installed else 127)


def problem(name: str):
    return read(RULES / name, Entry(name, "compute", name))


async def taken(source, count):
    out = []
    async for candidate in source:
        out.append(candidate)
        if len(out) == count:
            break
    return out


async def test_the_same_candidates_come_in_the_same_order_every_time():
    given = problem("convolution.c")
    first = await taken(propose(given, None, frozenset(), Shelf("clang")), 40)
    again = await taken(propose(given, None, frozenset(), Shelf("clang")), 40)
    assert [c.id for c in first] == [c.id for c in again]
    assert len({c.id for c in first}) == len(first)
    assert [c.move for c in first[:2]] == [
        "rule:register-tile(8x3)",
        "rule:flags(" + flag_grid.best("reassociate", finite=True).words + ")",
    ]


async def test_what_was_tried_is_left_out():
    given = problem("smoothing.c")
    first = await taken(propose(given, None, frozenset(), Shelf("clang")), 4)
    tried = frozenset(c.id for c in first[:3])
    rest = await taken(propose(given, None, tried, Shelf("clang")), 1)
    assert rest[0].id == first[3].id


async def test_candidates_are_made_only_when_asked_for():
    shelf = Shelf("clang")
    source = propose(problem("smoothing.c"), None, frozenset(), shelf)
    assert shelf.asked == []
    await taken(source, 1)
    assert shelf.asked == []
    await taken(source, 100)
    assert shelf.asked == ["clang"]


async def test_a_compiler_that_is_absent_is_not_proposed():
    found = await taken(propose(problem("smoothing.c"), None, frozenset(), Shelf()), 100)
    assert {c.settings["compiler"] for c in found} == {"gcc"}


async def test_rules_go_on_from_a_parent_with_its_flags():
    given = problem("clamp.c")
    parent = Candidate(files=given.files, settings={"compiler": "gcc", "cflags": ["-O1"]})
    found = await taken(propose(given, parent, frozenset(), Shelf("clang")), 3)
    assert all(c.parents == (parent.id,) for c in found)
    assert found[0].settings["cflags"] == ["-O1"]


async def test_a_kernel_without_known_forms_still_gets_flags():
    found = await taken(propose(problem("pointers.c"), None, frozenset(), Shelf()), 100)
    assert {c.move.partition("(")[0] for c in found} == {"rule:flags", "rule:restrict"}


def test_flags_follow_the_tolerance():
    exact, finite = facts_of(problem("clamp.c"))
    assert (exact.policy, finite) == ("exact", True)
    assert not {"-fassociative-math", "-ffinite-math-only"} & {
        flag for flags in flag_grid.grid("exact", finite=True) for flag in flags.cflags
    }
    with_nan = flag_grid.best("reassociate", finite=False)
    assert "-fassociative-math" in with_nan.cflags
    assert "-ffinite-math-only" not in with_nan.cflags


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("convolution.c", r"register-tile\(8x3\)"),
        ("transposed_product.c", r"transpose, register-tile\(8x3"),
        ("transposed_product.c", r"reduce innermost, register-tile\(4x4\)"),
        ("smoothing.c", r"scan-recurrence\(vectors\)"),
        ("decay_maximum.c", r"scan-recurrence\(vectors\)"),
        ("dice.c", r"leapfrog\(16\)"),
        ("motif.c", r"mask-search\(64\)"),
        ("harmonics.c", r"tabulate, independent"),
        ("polynomial.c", r"vectorise-outer\(2\)"),
        ("orthogonal.c", r"distribute, interchange"),
        ("elimination.c", r"push-forward"),
        ("edges.c", r"split-interior$"),
        ("edges.c", r"guards-to-bounds$"),
        ("common_subsequence.c", r"scan-recurrence\(vectors\)"),
        ("clamp.c", r"select, replace-elements, independent"),
    ],
)
async def test_each_rule_is_right_on_a_kernel_outside_the_set(name, rule):
    sandbox = await open_sandbox()
    domain = KernelsDomain()
    given = await domain.read(RULES / name, Goal.SPEED, {}, sandbox)
    async for candidate in domain.propose(given, None, frozenset(), sandbox):
        if re.search(rule, candidate.move):
            break
    else:
        pytest.fail(f"{rule} does not apply to {name}")
    assert candidate.files != base_of(given).files
    verdict = await domain.verify(given, candidate, sandbox, Depth.QUICK)
    assert verdict.status is Status.TESTED, verdict.feedback
