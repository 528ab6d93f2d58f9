import re
from importlib.resources import files
from pathlib import Path

from proofsmith.domains.kernels import symptoms
from proofsmith.planners.catalogue import advise, patterns


def known_symptoms():
    """Every symptom that the kernels domain can report."""
    text = Path(symptoms.__file__).read_text()
    return set(re.findall(r'"([a-z0-9-]+)"', text)) | {"nest-2", "nest-3"}


def test_there_are_forty_patterns_or_more_and_each_is_complete():
    found = patterns("kernels")
    assert len(found) >= 40
    assert all(p.sketch.endswith(".") and len(p.sketch) > 60 for p in found)
    assert {p.risk for p in found} == {"low", "medium", "high"}
    assert any(p.reorders for p in found)


def test_every_symptom_that_a_pattern_waits_for_can_be_reported():
    waited = {name for p in patterns("kernels") for name in p.when | p.unless}
    assert waited <= known_symptoms()


def test_every_pattern_can_come_first_for_some_profile():
    for pattern in patterns("kernels"):
        found = advise("kernels", pattern.when - pattern.unless, most=20)
        assert pattern in found, pattern.id


def test_exact_results_rule_out_what_reorders_arithmetic():
    chain = ["dependency-chain", "reduction", "scalar-loop"]
    assert "several-accumulators" in [p.id for p in advise("kernels", chain)]
    assert not any(p.reorders for p in advise("kernels", [*chain, "exact"]))


def test_what_won_here_before_comes_first():
    first, second, *_ = advise("kernels", ["dependency-chain"])
    rates = {first.id: 0.1, second.id: 0.9}
    assert advise("kernels", ["dependency-chain"], rates=rates)[0].id == second.id


def test_the_catalogue_ships_with_the_package():
    assert files("proofsmith.planners").joinpath("catalog", "kernels.toml").is_file()
