"""What last wrote the wrong element, as the author of a wrong kernel is told."""

import pytest

from proofsmith.domains.kernels.last_write import assignment, statement
from proofsmith.types import Candidate, Status
from tests.domains.kernels.judged import base, judge

SOURCE = base("matmul")
HEADER, _, _ = SOURCE.read_text().partition("void ")


def test_a_statement_is_the_last_assignment_of_the_block_that_changed_the_element():
    text = "void f(double *C)\n{\nC[0] = 1;\nC[1] = 2;\nif (C[1] == 2)\nC[0] = 3;\n}\n"
    places = {16: ("k.i", 2), 32: ("k.i", 6), 48: ("k.i", 7)}
    assert statement({"k.i": text}, places, 16, "C") == "C[1] = 2"
    assert statement({"k.i": text}, places, 32, "C") == "C[0] = 3"
    assert statement({"k.i": text}, places, 48, "C") == ""
    assert statement({"k.i": text}, places, 99, "C") == ""


@pytest.mark.parametrize(
    ("line", "writes"),
    [
        ("C[i] = 1;", True),
        ("C[i * n + j] += A[k];", True),
        ("C[i]++;", True),
        ("--C[i];", True),
        ("x = C[i];", False),
        ("if (C[i] == 1)", False),
        ("ABC[i] = 1;", False),
    ],
)
def test_assignments_are_told_from_readings(line, writes):
    assert bool(assignment("C").search(line)) is writes


async def told(body):
    """Judge a matmul of this body and return what is said of its first wrong element."""
    head = SOURCE.read_text()
    start = head.index("{", head.index("void "))
    verdict = await judge(
        "matmul", Candidate(files={SOURCE.name: f"{head[:start]}{{\n{body}\n}}\n"})
    )
    assert verdict.status is Status.FAILED
    return verdict.feedback.split("## First divergence\n")[1].split("\n\n")[0]


LOOPS = "for (int i = 0; i < n; i++)\nfor (int j = 0; j < n; j++) {\n"


@pytest.mark.slow
async def test_of_several_writers_the_last_one_that_ran_is_named_with_the_number_of_changes():
    said = await told(
        LOOPS
        + "C[i * n + j] = 7.0;\nfor (int k = 0; k < n; k++)\nC[i * n + j] += A[i * n + k] * B[k * n + j];\n"
        + "if (j == 0)\nC[i * n + j] = -5.0;\n}"
    )
    assert "first wrong element: C[0]" in said
    assert "last write to it: `C[i * n + j] = -5.0`" in said
    assert "times)" in said


@pytest.mark.slow
async def test_an_element_that_nothing_writes_is_said_to_be_left_alone():
    said = await told(
        LOOPS
        + "double s = 0;\nfor (int k = 0; k < n; k++)\ns += A[i * n + k] * B[k * n + j];\n"
        + "if (i > 0)\nC[i * n + j] = s;\n}"
    )
    assert "nothing changes it during the call" in said


@pytest.mark.slow
async def test_a_writer_behind_another_name_is_not_guessed():
    said = await told("double *q = C;\nfor (int i = 0; i < n * n; i++)\nq[i] = 3.0;")
    assert "first wrong element" in said
    assert "last write" not in said
