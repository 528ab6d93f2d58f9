from array import array

from proofsmith.domains.kernels.bounds import Difference
from proofsmith.domains.kernels.contract import Array, Contract, Size, element
from proofsmith.domains.kernels.jobs import Case
from proofsmith.domains.kernels.remedy import place_of, report, writers

DOUBLE, INT = element("double"), element("int")
CONTRACT = Contract(
    entry="f",
    result=None,
    parameters=("n", "m", "A", "C"),
    sizes={
        "n": Size(name="n", element=INT, test=(3,), measure=3),
        "m": Size(name="m", element=INT, test=(2,), measure=2),
    },
    arrays={
        "A": Array(name="A", element=DOUBLE, shape="n", access="in"),
        "C": Array(name="C", element=DOUBLE, shape="(n+1)*m", access="out"),
    },
)
CASE = Case(
    label="random", sizes={"n": 3, "m": 2}, arrays={"A": array("d", [1.5, -2.0, 8.0]).tobytes()}
)
WRONG = Difference("C", 5, 3.0, 2.0, 0.0, 1, 8)
CODE = """/* C[0] = 1 in a comment */
void f(int n, int m, const double *A, double *C)
{
    for (int i = 0; i <= n; i++)
        C[i * m] = A[i];
    if (C[0] == 1)
        C[1] -= 2;
}
"""


def test_a_flat_index_is_said_by_the_dimensions_of_the_array():
    assert place_of(CONTRACT, CASE, WRONG) == "C[5], which is element (2, 1) of 4 x 2"


def test_the_lines_that_write_the_array_are_named_and_readers_and_comments_are_not():
    assert writers({"k.c": CODE}, "C") == ["5: C[i * m] = A[i];", "7: C[1] -= 2;"]


def test_a_report_begins_with_the_complaint_and_holds_place_input_and_writers():
    text = report(CONTRACT, CASE, WRONG, {"k.c": CODE}, "C[5] is 2.0, expected 3.0").text()
    assert text.startswith("C[5] is 2.0, expected 3.0\n")
    assert "element (2, 1) of 4 x 2; expected 3.0, got 2.0" in text
    assert "n = 3, m = 2" in text
    assert "A = [1.5, -2, 8]" in text
    assert "5: C[i * m] = A[i];" in text


def test_large_arrays_are_not_shown_whole():
    big = Case(label="r", sizes={"n": 99, "m": 1}, arrays={"A": array("d", [1.0] * 99).tobytes()})
    text = report(CONTRACT, big, None, {}, "crashes").text()
    assert "(99 elements)" in text
    assert "first wrong element" not in text
