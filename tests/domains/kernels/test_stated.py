import contextlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofsmith.domains.kernels.contract import Array, Contract, Scalar, Size, element
from proofsmith.domains.kernels.legal import unpack
from proofsmith.domains.kernels.stated import form, read
from proofsmith.errors import UsageError

DOUBLE, INT = element("double"), element("int")
CONTRACT = Contract(
    entry="f",
    result=None,
    parameters=("n", "m", "alpha", "A", "P", "C"),
    sizes={
        "n": Size(name="n", element=INT, test=(1, 4), measure=100, minimum=1, multiple=1),
        "m": Size(name="m", element=INT, test=(), measure=0, value="2*n"),
    },
    scalars={"alpha": Scalar(name="alpha", element=DOUBLE, low="0", high="10")},
    arrays={
        "A": Array(name="A", element=DOUBLE, shape="m", access="in"),
        "P": Array(
            name="P",
            element=INT,
            shape="n",
            access="in",
            low="0",
            high="n-1",
            structure="permutation",
        ),
        "C": Array(name="C", element=DOUBLE, shape="n", access="out"),
    },
)


def values(case, name):
    return unpack(CONTRACT.arrays[name].element, case.arrays[name])


def test_a_list_is_repeated_a_number_fills_and_computed_sizes_are_computed():
    case = read(CONTRACT, 'so: {"n": 3, "A": [1, 2.5], "alpha": 2}')
    assert case.sizes == {"n": 3, "m": 6}
    assert values(case, "A") == [1, 2.5, 1, 2.5, 1, 2.5]
    assert case.scalars == {"alpha": 2.0}
    assert sorted(values(case, "P")) == [0, 1, 2]
    assert values(read(CONTRACT, '{"n": 2, "A": 7}'), "A") == [7] * 4


def test_what_is_left_out_takes_small_values():
    case = read(CONTRACT, "{}")
    assert case.sizes["n"] == 4
    assert values(case, "A") == [1, 2, 3, 4, 5, 6, 7, 8]


def test_special_values_are_written_as_texts_and_marked():
    case = read(CONTRACT, '{"n": 1, "A": ["nan", "-inf"]}')
    assert math.isnan(values(case, "A")[0])
    assert values(case, "A")[1] == -math.inf
    assert case.label.startswith("special")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "n = 3",
        "[1, 2]",
        '{"n": 0}',
        '{"n": -1}',
        '{"n": true}',
        '{"n": 2.5}',
        '{"n": 1e9}',
        '{"q": 1}',
        '{"A": []}',
        '{"A": ["x"]}',
        '{"A": {"0": 1}}',
        '{"alpha": 11}',
        '{"n": 123456789012345678901234567890}',
        '{"A": [' + "9" * 400 + "]}",
        '{"n": 2' + "{" * 3000,
    ],
)
def test_what_the_contract_does_not_allow_is_refused_in_words(text):
    with pytest.raises(UsageError):
        read(CONTRACT, text)


@given(st.text(max_size=60) | st.text(alphabet='{}[]":,nmAPC0123456789.-e', max_size=60))
def test_any_text_is_read_or_refused(text):
    with contextlib.suppress(UsageError):
        read(CONTRACT, text)


def test_the_form_names_every_parameter_and_what_cannot_be_stated():
    told = form(CONTRACT)
    assert '"n": 4' in told
    assert '"A": [' in told
    assert "P cannot be stated" in told
