"""Kill a build at every named point, give the same order again, and compare with a build that never stopped."""

import json
import multiprocessing
import signal
from collections import Counter

import pytest

from proofsmith.agents.failpoints import BUILD_NAMES
from tests.agents import build_run
from tests.agents.author import PLAN, Author, turn, written

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.agents.build_run"])
POINTS = [*sorted(BUILD_NAMES), "build.recorded:4", "build.written:3"]
CHANGE = {
    "reason": "say it better",
    "operations": [{"kind": "revise", "id": "products", "goal": "multiply, do not add"}],
}
WRONG = "def times(a, b):\n    return a + b\n"
PATCH = {"tool": "patch", "path": "calc/products.py", "old": "a + b", "new": "a * b"}


def replies(request):
    """Answer by the request alone, so that a request that comes again gets the same answer."""
    name = "multiply, do not add"
    asked = request.messages[1].content
    if "Your last attempt failed" in asked and name in asked:
        return turn(PATCH, done=True)
    return written("products", code=WRONG)


def script():
    """Return an endpoint's script over the scripted author."""
    author = Author(steps={"products": replies}, changes=[CHANGE] * 9)

    class Seen:
        def __init__(self, body):
            self.messages = [type("M", (), {"content": m["content"]})() for m in body["messages"]]

    return lambda body: author(Seen(body))


class Scene:
    def __init__(self, folder, endpoint):
        self.folder, self.endpoint = folder, endpoint
        folder.mkdir(exist_ok=True)
        (folder / "SPEC.md").write_text("# A calculator\nAdds and multiplies.\n")
        endpoint.script = script()

    def run(self, failpoint="", jobs=1):
        """Build in a process of its own; return its exit status, negative for a signal."""
        arguments = (self.folder, self.endpoint.base_url, failpoint, jobs)
        process = PROCESSES.Process(target=build_run.run, args=arguments)
        process.start()
        process.join(120)
        assert process.exitcode in (0, -signal.SIGKILL)
        return process.exitcode

    def report(self):
        """Return the report of the only run, without its times and places."""
        (path,) = (self.folder / "runs").glob("*/report.json")
        report = json.loads(path.read_text())["report"]
        files = {
            str(p.relative_to(self.folder / "out")): p.read_text()
            for p in sorted((self.folder / "out").rglob("*.py"))
        }
        spend = {key: report["spend"][key] for key in ("tokens", "attempts", "model_calls")}
        return report["conclusion"], report["explanation"], spend, files

    def paid(self):
        """Count equal requests that reached the endpoint."""
        return Counter(json.dumps(body, sort_keys=True) for body in self.endpoint.requests)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    """The report of a build that nobody killed, and what it paid for."""
    from tests.loopback import Endpoint

    with Endpoint() as endpoint:
        scene = Scene(tmp_path_factory.mktemp("unbroken"), endpoint)
        assert scene.run() == 0
        assert set(scene.paid().values()) == {1}
        assert scene.report()[0] == "solved"
        assert len(scene.report()[3]) == 2 * len(PLAN)
        return scene.report(), scene.paid()


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS)
def test_a_killed_build_ends_with_the_same_files_and_pays_nothing_twice(
    tmp_path, endpoint, unbroken, point
):
    scene = Scene(tmp_path, endpoint)
    assert scene.run(point) == -signal.SIGKILL
    assert scene.run() == 0
    report, paid = unbroken
    assert scene.report() == report
    assert scene.paid() == paid


@pytest.mark.slow
def test_with_two_jobs_only_a_call_in_flight_can_be_asked_for_again(tmp_path, endpoint, unbroken):
    scene = Scene(tmp_path, endpoint)
    assert scene.run("build.judged", jobs=2) == -signal.SIGKILL
    assert scene.run(jobs=2) == 0
    assert scene.report()[3] == unbroken[0][3]
    assert sum((scene.paid() - unbroken[1]).values()) <= 1
