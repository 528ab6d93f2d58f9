from hypothesis import given
from hypothesis import strategies as st

from proofsmith.tools.feedback import CAP_TOKENS, CHARS_PER_TOKEN, Feedback, clip, headed


@given(st.text(max_size=300), st.integers(0, 300))
def test_a_clipped_text_never_exceeds_its_cap(text, most):
    assert len(clip(text, most)) <= most
    assert len(text) > most or clip(text, most) == text


def test_head_and_tail_survive_and_the_gap_is_counted():
    text = "HEAD" + "x" * 5000 + "TAIL"
    short = clip(text, 100)
    assert short.startswith("HEAD")
    assert short.endswith("TAIL")
    kept = len(short) - len(short[short.index("\n[") : short.rindex("]\n") + 2])
    assert f"[... {len(text) - kept} characters ...]" in short


def test_sections_come_in_order_and_the_instruction_last():
    text = Feedback(
        verdict="FAILED",
        budget="3 attempts",
        first_divergence="C[2][1]: expected 3.0, got 2.0",
        instruction="Answer with the whole file.",
    ).text()
    titles = [row[3:] for row in text.splitlines() if row.startswith("## ")]
    assert titles == ["First divergence", "Budget left"]
    assert text.startswith("FAILED\n")
    assert text.endswith("Answer with the whole file.")


@given(st.text(min_size=1, max_size=9000), st.integers(50, 600))
def test_the_instruction_is_never_cut(body, cap):
    instruction = "Do this exactly."
    report = Feedback(
        verdict="FAILED", failing_input=body, log=body, values=body, instruction=instruction
    )
    text = report.text(cap_tokens=cap)
    assert text.endswith(instruction)
    assert len(text) <= cap * CHARS_PER_TOKEN


def test_each_section_has_its_own_cap():
    text = Feedback(verdict="v", log="x" * 100_000).text()
    assert len(text) < (CAP_TOKENS["Log"] + 30) * CHARS_PER_TOKEN


def test_a_long_first_line_is_clipped_as_verdict_and_kept_in_its_section():
    line = "x" * 600 + "the end of the line"
    told = headed(line, rest="log").text()
    assert told.partition("\n\n## Log\n")[2] == line
    assert headed("short", rest="log").text() == "short"
