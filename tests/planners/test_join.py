import pytest

from proofsmith.planners.join import parse_join


@pytest.mark.parametrize(
    ("reply", "action", "text"),
    [
        ("Finish(42)", "finish", "42"),
        ("Thought: ok\nAction: Finish(f(x) = (a) b)", "finish", "f(x) = (a) b"),
        ("Replan(need EXPLAIN (ANALYZE))", "replan", "need EXPLAIN (ANALYZE)"),
        ("I could Replan(x) but\nFinish(y)", "finish", "y"),
        ("Finish(cut off", "finish", "cut off"),
        ("just words", "finish", "just words"),
        ("", "finish", ""),
    ],
)
def test_a_decision_is_read_from_any_reply(reply, action, text):
    decision = parse_join(reply)
    assert (decision.action, decision.text) == (action, text)
