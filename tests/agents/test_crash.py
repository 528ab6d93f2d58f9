"""Kill the process at every named point, give the same command again, and compare with a run that never stopped."""

import hashlib
import json
import multiprocessing
import re
import signal
import time
from collections import Counter

import pytest

from proofsmith.agents.failpoints import NAMES, Failpoints
from proofsmith.planners.choice import NAMES as NAMES_OF_STRATEGIES
from tests.agents import toy_run
from tests.agents.toy import NAME, text_of

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.agents.toy_run"])
APPLYING = {"apply.approved", "apply.written"}
LATER = ["model.recorded:4", "rule.recorded:4", "attempt.recorded:5", "attempt.told:7"]
LATER += ["search.asked:6"]
TORN = ["model.recorded:2", "rule.recorded:3", "attempt.verified:4", "attempt.measured:2"]
TORN += ["attempt.recorded:3", "attempt.told:4"]
POINTS = sorted(NAMES - APPLYING) + LATER


LARGE = 10**9
"""Cost of the original: no two moves come to the same cost, so that no clock says who was first."""


def script(request):
    """Answer every request by its own content, so that any order of requests gets equal answers."""
    seed = int(hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest(), 16)
    asked = request["messages"][-1]["content"].rpartition("Answer with JSON only")[2]
    if "observations" in asked:
        return json.dumps({"observations": [{"claim": f"claim {seed % n}"} for n in (97, 89, 83)]})
    if "thoughts" in asked:
        return json.dumps({"thoughts": [{"thought": f"thought {seed % n}"} for n in (97, 89)]})
    if "blame" in asked:
        return json.dumps({"blame": 1, "thought": f"another thought {seed % 97}"})
    if '"plan"' in asked:
        return json.dumps({"plan": f"plan {seed % 997}"}) if seed % 5 else "I cannot plan."
    return f"### {NAME}\n```\ncost = {seed % LARGE}\n```" if seed % 5 else "I do not know."


SMALL = 60
"""Cost of an original on which moves often come to the same text, and oftener to the same machine code."""


def answer_with_ties(request, slow):
    """Answer like `script`, but with one of few costs; which half of the requests is slow is the caller's choice."""
    answer = script(request)
    found = re.search(r"cost = (\d+)", answer)
    if found is None:
        return answer
    time.sleep(0.06 if int(found[1]) % 2 == slow else 0)
    return answer.replace(found[1], str(20 + int(found[1]) % 18))


class Scene:
    def __init__(self, folder, endpoint, *, ties=False):
        self.folder, self.endpoint, self.ties = folder, endpoint, ties
        self.source = folder / NAME
        self.source.write_text(text_of(SMALL if ties else LARGE))
        self.sessions = 0
        endpoint.script = self.tied if ties else script

    def tied(self, request):
        """Let another half of the replies be late in every session."""
        return answer_with_ties(request, self.sessions % 2)

    def run(self, runs, failpoint="", jobs=1, apply=False, strategy="portfolio"):
        """Run the request in a process of its own; return its exit status, negative for a signal."""
        url = self.endpoint.base_url
        arguments = (self.source, self.folder / runs, url, jobs, failpoint, apply, strategy)
        self.sessions += 1
        arguments += (self.sessions if self.ties else 0,)
        process = PROCESSES.Process(target=toy_run.run, args=arguments)
        process.start()
        process.join(60)
        assert process.exitcode in (0, -signal.SIGKILL)
        return process.exitcode

    def report(self, runs):
        """Return the final report of the only run, without its times."""
        (path,) = (self.folder / runs).glob("*/report.json")
        report = json.loads(path.read_text())
        del report["report"]["spend"]["wall_s"]
        return report

    def paid(self):
        """Count equal requests that reached the endpoint."""
        return Counter(json.dumps(body, sort_keys=True) for body in self.endpoint.requests)


@pytest.fixture
def scene(tmp_path, endpoint):
    return Scene(tmp_path, endpoint)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    """The report of a run that nobody killed, and what it paid for, per number of jobs."""
    from tests.loopback import Endpoint

    found = {}
    for jobs in (1, 2):
        with Endpoint() as endpoint:
            scene = Scene(tmp_path_factory.mktemp("unbroken"), endpoint)
            assert scene.run("runs", jobs=jobs) == 0
            found[jobs] = without_place(scene.report("runs")), scene.paid()
            assert len(scene.paid()) >= 4
            assert set(scene.paid().values()) == {1}
    return found


def without_place(report):
    """Drop what names this test's folder and endpoint, and with them the run's id."""
    del report["report"]["run_id"], report["report"]["manifest"]["source"]
    del report["report"]["manifest"]["request"]["model"]
    return report


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS)
def test_a_killed_run_ends_with_the_same_report_and_pays_nothing_twice(scene, unbroken, point):
    report, paid = unbroken[1]
    assert scene.run("runs", point) == -signal.SIGKILL
    assert scene.run("runs") == 0
    assert without_place(scene.report("runs")) == report
    assert scene.paid() == paid


@pytest.mark.slow
@pytest.mark.parametrize("point", ["model.recorded:2", "attempt.recorded:3", "attempt.told:2"])
def test_with_two_jobs_only_a_call_in_flight_can_be_asked_for_again(scene, unbroken, point):
    report, paid = unbroken[2]
    assert scene.run("runs", point, jobs=2) == -signal.SIGKILL
    assert scene.run("runs", jobs=2) == 0
    assert without_place(scene.report("runs")) == report
    assert scene.paid().keys() == paid.keys()
    assert sum((scene.paid() - paid).values()) <= 1


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["portfolio", "best_of"])
def test_when_moves_come_to_the_same_the_first_asked_is_credited_whatever_the_clock_says(
    tmp_path, endpoint, strategy
):
    scene = Scene(tmp_path, endpoint, ties=True)
    assert scene.run("runs-0", jobs=2, strategy=strategy) == 0
    whole = without_place(scene.report("runs-0"))
    kinds = [attempt["candidate"]["move"] for attempt in whole["report"]["attempts"]]
    assert len(kinds) == 10
    for number, point in enumerate(TORN, 1):
        runs = f"runs-{number}"
        assert scene.run(runs, point, jobs=2, strategy=strategy) == -signal.SIGKILL
        assert scene.run(runs, jobs=2, strategy=strategy) == 0
        assert without_place(scene.report(runs)) == whole


@pytest.mark.slow
def test_a_run_that_is_killed_again_and_again_still_arrives(scene, unbroken):
    report, paid = unbroken[1]
    for point in ("run.created", "baseline.recorded", "model.recorded", "attempt.recorded:2"):
        assert scene.run("runs", point) == -signal.SIGKILL
    for point in ("attempt.told:9", "confirm.recorded", "report.recorded"):
        assert scene.run("runs", point) == -signal.SIGKILL
    assert scene.run("runs") == 0
    assert without_place(scene.report("runs")) == report
    assert scene.paid() == paid


@pytest.mark.slow
@pytest.mark.parametrize("strategy", NAMES_OF_STRATEGIES)
def test_every_strategy_goes_on_where_it_was_killed(scene, strategy):
    assert scene.run("unbroken", strategy=strategy) == 0
    whole, paid = without_place(scene.report("unbroken")), scene.paid()
    assert len(paid) >= 4
    scene.endpoint.requests.clear()
    for point in ("model.recorded:3", "attempt.told:6"):
        assert scene.run("runs", point, strategy=strategy) == -signal.SIGKILL
    assert scene.run("runs", strategy=strategy) == 0
    assert without_place(scene.report("runs")) == whole
    assert scene.paid() == paid


@pytest.mark.slow
@pytest.mark.parametrize("point", sorted(APPLYING))
def test_the_users_file_is_whole_whenever_the_process_dies_while_it_is_replaced(scene, point):
    assert scene.run("runs", point, apply=True) == -signal.SIGKILL
    assert scene.source.read_text() in (text_of(LARGE), best_text(scene))
    scene.source.write_text(text_of(LARGE))
    assert scene.run("runs", apply=True) == 0
    assert scene.source.read_text() == best_text(scene)


def best_text(scene):
    return scene.report("runs")["report"]["best"]["candidate"]["files"][NAME]


def test_there_are_at_least_twelve_points_and_an_unknown_one_is_a_mistake():
    assert len(NAMES) >= 12
    with pytest.raises(ValueError, match="unknown failpoint"):
        Failpoints("nowhere")
    with pytest.raises(ValueError, match="unknown failpoint"):
        Failpoints().reach("nowhere")
