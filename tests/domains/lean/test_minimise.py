"""Proofs get shorter while they still prove, within a bounded number of attempts."""

from proofsmith.domains.lean.minimise import ATTEMPTS, minimised, smaller


async def test_what_is_not_needed_goes():
    async def holds(script):
        return script.startswith("induction n") and "simp_all" in script and "g" in script

    assert await minimised("induction n <;> simp_all [f, g] <;> omega", holds) == (
        "induction n <;> simp_all [g]"
    )


async def test_a_proof_that_needs_everything_stays_and_costs_a_bounded_number_of_attempts():
    asked = []

    async def holds(script):
        asked.append(script)
        return False

    script = "\n".join(f"have h{i} := f [a, b, c, d]" for i in range(9))
    assert await minimised(script, holds) == script
    assert len(asked) == ATTEMPTS


def test_no_cut_breaks_brackets_or_yields_nothing():
    for shorter in smaller("rcases h with a | b <;> simp [f (x + 1), g]\nomega"):
        assert shorter.strip()
        assert shorter.count("[") == shorter.count("]")
