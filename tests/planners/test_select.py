import pytest

from benchmarks.selection import REGIMES, measure
from proofsmith.planners.select import Ballot, Trust, discriminating, runoff, select

GIVEN, FIRM, MODEL = Trust.GIVEN, Trust.PROPERTY, Trust.WRITTEN


def ballot(name, *passed, lineage=""):
    return Ballot(id=name, passed=frozenset(passed), lineage=lineage)


def test_a_program_that_fails_a_given_test_is_never_chosen_whatever_else_it_passes():
    trust = {"g": GIVEN, **{f"m{n}": MODEL for n in range(9)}}
    votes = [f"m{n}" for n in range(9)]
    choice = select([ballot("liked", *votes), ballot("right", "g", "m0", "m1", "m2")], trust)
    assert choice.ids == ("right",)


def test_when_no_program_passes_the_given_tests_it_abstains_and_says_why():
    choice = select([ballot("a"), ballot("b", "m")], {"g": GIVEN, "m": MODEL})
    assert choice.abstained
    assert choice.reason == "no program passes every given test"


def test_property_tests_rank_before_what_a_model_wrote():
    trust = {"p": FIRM, "q": FIRM, "m": MODEL, "n": MODEL}
    assert select([ballot("a", "p", "q"), ballot("b", "p", "m", "n")], trust).ids == ("a",)


def test_without_any_test_it_abstains_and_with_firm_ones_only_it_answers():
    assert select([ballot("a")], {}).reason == "there is no test"
    assert select([ballot("a", "g"), ballot("b")], {"g": GIVEN}).ids == ("a",)
    assert select([], {"g": GIVEN}).abstained


def test_all_programs_of_the_chosen_behaviour_and_their_rivals_are_named():
    trust = {f"m{n}": MODEL for n in range(4)}
    programs = [ballot("a", "m0", "m1", "m2"), ballot("b", "m0", "m1", "m2"), ballot("c", "m3")]
    choice = select(programs, trust)
    assert choice.ids == ("a", "b")
    assert choice.rivals == (("c",),)


def test_it_abstains_when_programs_share_wrong_ways_and_valid_tests_look_rare():
    trust = {f"m{n}": MODEL for n in range(20)}
    modes = [("m0", "m1", "m2"), ("m3", "m4", "m5"), ("m6", "m7", "m8", "m9")]
    programs = [ballot(f"{k}{n}", *mode) for k, mode in enumerate(modes) for n in range(6)]
    choice = select(programs, trust)
    assert choice.abstained
    assert "valid tests look rare" in choice.reason
    assert len(choice.rivals) == 3


def test_a_ballot_with_an_unknown_test_is_refused():
    with pytest.raises(ValueError, match="unknown test"):
        select([ballot("a", "?")], {})


def test_inputs_are_ordered_by_how_evenly_they_split():
    outputs = {
        "same": {"a": "1", "b": "1", "c": "1", "d": "1"},
        "one": {"a": "1", "b": "1", "c": "1", "d": "2"},
        "half": {"a": "1", "b": "1", "c": "2", "d": "2"},
        "all": {"a": "1", "b": "2", "c": "3", "d": "4"},
    }
    assert discriminating(outputs, "abcd") == ["all", "half", "one"]


def test_new_tests_overturn_a_weak_lead_but_not_a_strong_one():
    passed = {"a": [False, False], "b": [True, True]}
    assert runoff({"a": 0.5, "b": 0.0}, passed, 0.6) == "b"
    assert runoff({"a": 5.0, "b": 0.0}, passed, 0.6) == "a"


@pytest.mark.parametrize("number", range(7))
def test_the_gated_rule_keeps_up_with_the_best_published_rule_in_every_regime(number):
    row = measure(REGIMES[number], 150, seed=50 + number)
    best = max(row[name] for name in ("MaxPass", "MBR", "CodeT", "B4(10,10)", "B4(1e5,1e3)"))
    assert row["gated"] >= best - 0.05
    assert row["abstain"] >= 0.35 if number == 6 else row["abstain"] <= 0.1
