"""A scripted author of small projects: answers a build's requests from a table, so that builds need no endpoint."""

import json
import re
from collections import Counter

from proofsmith.model import ScriptedModel

CODE = {
    "sums": "def add(a, b):\n    if a is None:\n        return b\n    return a + b\n",
    "products": "def times(a, b):\n    return a * b\n",
    "app": (
        "import sys\n\nfrom calc.sums import add\nfrom calc.products import times\n\n\n"
        "def main(words):\n    a, sign, b = words\n"
        "    return add(int(a), int(b)) if sign == '+' else times(int(a), int(b))\n\n\n"
        "if __name__ == '__main__':\n    print(main(sys.argv[1:]))\n"
    ),
}
TESTS = {
    "sums": (
        "import unittest\nfrom calc.sums import add\n\n\nclass Sums(unittest.TestCase):\n"
        "    def test_add(self):\n        self.assertEqual(add(2, 3), 5)\n"
        "        self.assertEqual(add(None, 3), 3)\n"
    ),
    "products": (
        "from calc.products import times\n\n\ndef test_times():\n    assert times(2, 5) == 10\n"
    ),
    "app": (
        "from calc.app import main\n\n\ndef test_main():\n"
        "    assert main(['2', '+', '4']) == 6\n    assert main(['2', 'x', '4']) == 8\n"
    ),
}


def step(name, after=(), checks=None, outputs=None):
    """Return a step of a drafted program."""
    return {
        "id": name,
        "goal": f"write calc/{name}.py and its tests",
        "depends_on": list(after),
        "inputs": [],
        "outputs": outputs or [f"calc/{name}.py", f"tests/test_{name}.py"],
        "checks": checks or [f"test tests/test_{name}.py"],
    }


PLAN = [step("sums"), step("products")]
PLAN += [
    step(
        "app",
        after=["sums", "products"],
        checks=["test tests/test_app.py", "run python3 -m calc.app 2 x 4 => 8"],
    )
]


def write(path, text):
    return {"tool": "write", "path": path, "text": text}


def turn(*calls, done=False, note=""):
    return json.dumps({"note": note, "calls": list(calls), "done": done})


def written(name, code=None, tests=None):
    """Return the reply that writes both files of a step at once."""
    return turn(
        write(f"calc/{name}.py", code or CODE[name]),
        write(f"tests/test_{name}.py", tests or TESTS[name]),
        done=True,
    )


class Author:
    """Answers every request; `steps` overrides the replies of a step, attempt after attempt or turn after turn."""

    def __init__(self, plan=PLAN, steps=None, changes=()):
        self.plan, self.steps, self.changes = plan, dict(steps or {}), list(changes)
        self.asked = Counter()

    def __call__(self, request):
        system = request.messages[0].content
        if system.startswith("You plan"):
            return json.dumps({"steps": self.plan})
        if system.startswith("A program of"):
            self.asked["change"] += 1
            return json.dumps(self.changes[self.asked["change"] - 1])
        name = re.search(r"^## Your step\n([\w-]+):", request.messages[1].content, re.M)[1]
        self.asked[name] += 1
        given = self.steps.get(name)
        if given is None:
            return written(name)
        return given(request) if callable(given) else given[min(self.asked[name], len(given)) - 1]

    def model(self):
        return ScriptedModel(self)
