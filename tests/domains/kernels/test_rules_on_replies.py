"""Rules start from what a model wrote: intrinsics, vector types, macros; they may find nothing there, never fail."""

import json
import re
from itertools import islice
from pathlib import Path

import pytest

from proofsmith.domains.kernels.transforms.catalogue import Facts, rewrites
from proofsmith.domains.kernels.transforms.program import load
from proofsmith.tools.edits import read_reply
from proofsmith.tools.patches import EditError

RECORDED = Path(__file__).parents[2] / "fixtures" / "replies"


def written(run):
    """Return every whole file that was replied in a run."""
    path, found = f"{run.partition('-')[0]}.c", []
    for line in (RECORDED / f"{run}.jsonl").read_text().splitlines():
        text = json.loads(line)["reply"]["text"]
        try:
            found.append(read_reply(text, {path: ""}, [path])[path])
        except EditError:
            continue
    return found


@pytest.mark.parametrize("run", sorted(p.stem for p in RECORDED.glob("*.jsonl")))
def test_rules_on_model_written_code_never_fail(run):
    texts = written(run)
    assert texts
    for text in texts:
        entry = re.search(r'^entry = "(\w+)"', text, re.MULTILINE)[1]
        program = load(text, "k.c", entry)
        for policy in ("exact", "reassociate"):
            made = rewrites(program, Facts(policy=policy)) if program else ()
            assert all(rewrite.program.render() for rewrite in islice(made, 40))
