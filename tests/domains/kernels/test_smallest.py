import json
import re

import pytest

from proofsmith.domains.kernels import domain as kernels
from proofsmith.executors.choice import open_sandbox
from proofsmith.types import Candidate, Depth, Goal, Status
from tests.domains.kernels.judged import base, candidate, domain, judge, versions

BAD = {(kernel, path.stem): path for kernel, path in versions("bad")}
pytestmark = pytest.mark.slow


def stated(feedback, name):
    """Return what the report says that `name` is in the smallest failing input."""
    section = feedback.split("## Smallest failing input\n")[1].split("\n\n")[0]
    found = re.search(rf"^(?:.*, )?{name} = ([^,\n]+(?:, [^=\n]*\])?)", section, re.M)
    return found[1]


@pytest.mark.parametrize(
    ("kernel", "version", "size"),
    [
        ("dot", "skips_last", "15"),
        ("matmul", "address_order", "1"),
        ("matmul", "foreseen_sizes", "4"),
        ("matmul", "beyond_end_read", "1"),
    ],
)
async def test_the_input_shown_is_the_smallest_that_fails_when_it_is_made_alone(
    kernel, version, size
):
    verdict = await judge(kernel, candidate(BAD[kernel, version]))
    assert verdict.status is Status.FAILED
    assert stated(verdict.feedback, "n") == size
    assert "Made alone, this call fails too" in verdict.feedback


async def test_values_that_do_not_matter_become_zero():
    verdict = await judge("dot", candidate(BAD["dot", "skips_last"]))
    assert stated(verdict.feedback, "x") == f"[{'0, ' * 14}1]"


async def test_a_failure_says_how_many_calls_were_right_and_how_the_others_were_wrong():
    same = [await judge("dot", candidate(BAD["dot", "skips_last"])) for _ in range(2)]
    facts = [verdict.evidence[-1].facts for verdict in same]
    assert facts[0]["behaviour"] == facts[1]["behaviour"]
    assert 0.5 < facts[0]["passed"] / facts[0]["tests"] < 1
    other = await judge("dot", candidate(BAD["dot", "sampled"]))
    assert other.evidence[-1].facts["behaviour"] != facts[0]["behaviour"]


async def test_a_right_version_says_what_it_is_made_of():
    sandbox, engine = await open_sandbox(), domain("dot")
    problem = await engine.read(base("dot"), Goal.SPEED, {}, sandbox)
    wide = Candidate(files=problem.files, settings={"cflags": ["-O3", "-mavx2", "-ffast-math"]})
    plain = Candidate(files=problem.files)
    patterns = {}
    for version in (plain, wide):
        verdict = await engine.verify(problem, version, sandbox, Depth.QUICK)
        assert verdict.status is Status.TESTED
        facts = {k: v for e in verdict.evidence for k, v in e.facts.items()}
        assert facts["passed"] == facts["tests"]
        patterns[version.id] = facts["patterns"]
    assert patterns[plain.id] == ["scalar"]
    assert patterns[wide.id][0] == "ymm"


async def test_a_stated_call_is_run_through_base_and_candidate():
    sandbox, engine = await open_sandbox(), domain("dot")
    problem = await engine.read(base("dot"), Goal.SPEED, {}, sandbox)
    wrong = candidate(BAD["dot", "skips_last"])
    report = await engine.probe(problem, wrong, json.dumps({"n": 15, "x": 1, "y": 1}), sandbox)
    assert "expected 15.0, got 14.0" in report
    assert await engine.probe(problem, wrong, json.dumps({"n": 14}), sandbox) == ""


async def test_versions_of_equal_machine_code_have_one_behaviour_and_others_have_not():
    sandbox, engine = await open_sandbox(), domain("dot")
    problem = await engine.read(base("dot"), Goal.SPEED, {}, sandbox)
    name = base("dot").name
    text = problem.files[name]
    texts = {
        "same": text,
        "spaced": text.replace("{", "{\n\n", 1),
        "other": text.replace("+=", "-=", 1),
        "refused": f"#ifdef __OPTIMIZE__\n#endif\n{text}",
        "broken": f"{text} this",
    }
    found = {
        key: await engine.behaviour(problem, Candidate(files={name: version}), sandbox)
        for key, version in texts.items()
    }
    assert found["same"] == found["spaced"] != ""
    assert found["other"] not in ("", found["same"])
    assert found["refused"] == found["broken"] == ""
    flags = Candidate(files={name: text}, settings={"cflags": ["-O2", "-DX"]})
    assert await engine.behaviour(problem, flags, sandbox) != found["same"]


async def test_calls_of_other_functions_are_another_behaviour(tmp_path):
    path = tmp_path / "wave.c"
    path.write_text(
        "#include <math.h>\nvoid wave(int n, const double *x, double *y)\n"
        "{ for (int i = 0; i < n; i++) y[i] = sin(x[i]); }\n"
    )
    sandbox, engine = await open_sandbox(), kernels.KernelsDomain()
    problem = await engine.read(path, Goal.SPEED, {}, sandbox)
    other = Candidate(files={path.name: problem.files[path.name].replace("sin(", "cos(")})
    original = Candidate(files=problem.files)
    one = await engine.behaviour(problem, original, sandbox)
    assert one != await engine.behaviour(problem, other, sandbox)
