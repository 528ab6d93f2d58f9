"""Nobody there to answer is a no; Ctrl-C is no answer."""

import io

import pytest
import typer

from proofsmith.cli.consent import consents
from tests.cli.command import proofsmith

KERNEL = "void scale(int n, double *x) { for (int i = 0; i < n; i++) x[i] *= 2.0; }\n"


@pytest.mark.parametrize(
    ("typed", "answer"), [("y\n", True), ("n\n", False), ("\n", False), ("", False)]
)
def test_an_answer_is_taken_and_the_end_of_input_is_a_no(monkeypatch, tmp_path, typed, answer):
    (tmp_path / "typed").write_text(typed)
    with (tmp_path / "typed").open() as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        assert consents("write it?") is answer


def test_ctrl_c_is_passed_on(monkeypatch):
    class Pressed(io.StringIO):
        def readline(self, size=-1):
            raise KeyboardInterrupt

    monkeypatch.setattr("sys.stdin", Pressed())
    with pytest.raises(typer.Abort):
        consents("write it?")


@pytest.mark.slow
def test_init_without_anybody_to_ask_leaves_the_file_alone(tmp_path):
    source = tmp_path / "a.c"
    source.write_text(KERNEL)
    done = proofsmith("init", "a.c", cwd=tmp_path, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "interrupted" not in done.stderr
    assert source.read_text() == KERNEL
