"""What the one suite over all domains needs to know of each: a problem, right answers and wrong ones."""

from dataclasses import dataclass
from pathlib import Path

from proofsmith.tools.mutation import mutants
from proofsmith.types import Status

FIXTURES = Path(__file__).parents[2] / "fixtures"


@dataclass(frozen=True)
class Sample:
    """A problem of one domain; versions are texts of its one editable file."""

    source: Path
    right: tuple[str, ...]
    empty: str
    vacuous: str
    """Compiles and does nothing."""
    hang: str
    wrong: tuple[str, ...]
    """At least five seeded faults."""
    off_limits: str
    """Name of a file that may not be changed."""
    of_a_hang: Status = Status.FAILED
    """What a version that does not end comes to; a proof or a design that is not read to its end may be right."""


def _kernels():
    folder = FIXTURES / "kernels" / "matmul"
    text = (folder / "base.c").read_text()
    return Sample(
        source=folder / "base.c",
        right=(text, (folder / "good" / "interchange.c").read_text()),
        empty="",
        vacuous=(folder / "bad" / "empty.c").read_text(),
        hang=(folder / "bad" / "hang.c").read_text(),
        wrong=tuple(m.text for m in mutants(text))[::4],
        off_limits="config.h",
    )


def _sql():
    folder = FIXTURES / "sql" / "contract"
    definitions, query = (folder / "query.sql").read_text().split("\n\n")
    return Sample(
        source=folder / "query.sql",
        right=(query, (folder / "joined.sql").read_text()),
        empty="",
        vacuous="SELECT 0 AS id, 'nobody' AS name WHERE 1 = 0",
        hang=(folder / "hang.sql").read_text(),
        wrong=tuple((folder / "wrong.sql").read_text().strip().split(";\n")),
        off_limits="schema.sql",
    )


def _verilog():
    folder = FIXTURES / "verilog" / "counter"
    text = (folder / "counter.v").read_text()
    return Sample(
        source=folder / "counter.v",
        right=(text, (folder / "other.v").read_text()),
        empty="",
        vacuous=(folder / "empty.v").read_text(),
        hang=(folder / "hang.v").read_text(),
        wrong=tuple(
            text.replace(*change)
            for change in (
                ("4'd11", "4'd10"),
                ("q + 4'd1", "q + 4'd2"),
                ("!rst_n", "rst_n"),
                (" or negedge rst_n", ""),
                ("posedge clk", "negedge clk"),
                ("if (en)", "if (!en)"),
                ("[3:0] q", "[4:0] q"),
            )
        ),
        off_limits="other.v",
        of_a_hang=Status.UNDECIDED,
    )


def _lean():
    source = FIXTURES / "lean" / "contract" / "double.lean"
    text = source.read_text()
    claim = "theorem double_eq (n : Nat) : double n = 2 * n := "
    proof = "by\n  induction n with\n  | zero => rfl\n  | succ n ih => unfold double; omega\n"
    return Sample(
        source=source,
        right=(text.replace("sorry", proof), claim + "by\n  fun_induction double <;> omega\n"),
        empty="",
        vacuous="theorem double_eq : True := trivial\n",
        hang="theorem long : Nat.gcd (3 ^ 16000000) (5 ^ 16000000) = 1 := by decide +kernel\n"
        + claim
        + proof,
        wrong=(
            claim + "by omega\n",
            claim + "sorry\n",
            claim.replace("2 * n :", "n + n :") + "by\n  fun_induction double <;> omega\n",
            claim.replace("(n : Nat)", "(n : Nat) (h : n = 0)") + "by subst h; rfl\n",
            text.replace("double n + 2", "0").replace("2 * n := sorry", "0 := by cases n <;> rfl"),
            "axiom double_eq (n : Nat) : double n = 2 * n\n",
        ),
        off_limits="Other.lean",
        of_a_hang=Status.UNDECIDED,
    )


SAMPLES = {"kernels": _kernels, "lean": _lean, "sql": _sql, "verilog": _verilog}
