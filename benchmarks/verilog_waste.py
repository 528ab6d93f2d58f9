"""Write designs whose waste is planted on purpose: a pattern and a seed give one design."""

import random
from collections.abc import Callable


def wide_counter(chance: random.Random) -> str:
    limit, width = chance.randint(5, 200), chance.choice((24, 32, 48))
    return f"""module wasteful(input clk, input rst, input en, output reg tick, output busy);
  reg [{width - 1}:0] count;
  always @(posedge clk)
    if (rst) begin count <= 0; tick <= 0; end
    else if (en) begin
      if (count == {limit}) begin count <= 0; tick <= 1; end
      else begin count <= count + 1; tick <= 0; end
    end
  assign busy = count != 0;
endmodule
"""


def selected_products(chance: random.Random) -> str:
    width, names = chance.randint(5, 7), chance.sample("abcd", 4)
    a, b, c, d = names
    return f"""module wasteful(input s, input [{width - 1}:0] a, b, c, d, output [{2 * width - 1}:0] y);
  assign y = s ? {a} * {b} : {c} * {d};
endmodule
"""


def products_in_cases(chance: random.Random) -> str:
    width = chance.randint(4, 6)
    pairs = [chance.sample("abcd", 2) for _ in range(4)]
    arms = "\n".join(f"      2'd{n}: y = {x} * {z};" for n, (x, z) in enumerate(pairs[:3]))
    return f"""module wasteful(input [1:0] op, input [{width - 1}:0] a, b, c, d, output reg [{2 * width - 1}:0] y);
  always @* begin
    case (op)
{arms}
      default: y = {pairs[3][0]} * {pairs[3][1]};
    endcase
  end
endmodule
"""


def sums_in_branches(chance: random.Random) -> str:
    width, sign = chance.randint(12, 24), chance.choice("+-")
    span = f"[{width - 1}:0]"
    return f"""module wasteful(input clk, input rst, input [1:0] op, input {span} a, b, c, d, output reg {span} y);
  always @(posedge clk) begin
    if (rst) y <= 0;
    else begin
      case (op)
        2'd0: y <= a + b;
        2'd1: y <= c {sign} d;
        2'd2: y <= a + d;
        default: y <= b {sign} c;
      endcase
    end
  end
endmodule
"""


def remainder(chance: random.Random) -> str:
    width, divisor = chance.randint(8, 11), chance.choice((3, 5, 6, 7, 10, 12))
    return f"""module wasteful(input [{width - 1}:0] a, output [{width - 1}:0] q, r);
  assign q = a / {divisor};
  assign r = a % {divisor};
endmodule
"""


def common_factor(chance: random.Random) -> str:
    width, sign = chance.randint(4, 6), chance.choice("+-")
    return f"""module wasteful(input [{width - 1}:0] a, b, c, output [{2 * width}:0] y);
  assign y = a * b {sign} a * c;
endmodule
"""


def twin_registers(chance: random.Random) -> str:
    width, step = chance.randint(8, 16), chance.randint(1, 5)
    return f"""module wasteful(input clk, input rst, input en, output [{width - 1}:0] x, y);
  reg [{width - 1}:0] first, second;
  always @(posedge clk)
    if (rst) first <= 0;
    else if (en) first <= first + {step};
  always @(posedge clk)
    if (rst) second <= 0;
    else second <= en ? (second + {step}) : second;
  assign x = first;
  assign y = ~second;
endmodule
"""


PATTERNS: dict[str, Callable[[random.Random], str]] = {
    f.__name__: f
    for f in (
        wide_counter,
        selected_products,
        products_in_cases,
        sums_in_branches,
        remainder,
        common_factor,
        twin_registers,
    )
}


def wasteful(pattern: str, seed: int) -> str:
    """Return the design `wasteful` of one pattern and seed."""
    return PATTERNS[pattern](random.Random(f"{pattern} {seed}"))
