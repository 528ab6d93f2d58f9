"""C helpers that scan an array in vectors: x[i] becomes a running sum, minimum or maximum with a factor per step."""

from string import Template

from proofsmith.domains.kernels.transforms.vectors import ELEMENTS, typedef, vector_type


def function(kind: str, element: str, *, exclusive: bool) -> str:
    """Return the name of the helper."""
    suffix = "_before" if exclusive else ""
    return f"scan_{kind}_{element.replace(' ', '_')}{suffix}"


def helper(kind: str, element: str, *, exclusive: bool) -> str:
    """Return the helper's text.

    `sum`: x[i] += factor*x[i-1]; `min`, `max`: x[i] = min(x[i], x[i-1] + factor); x[-1] is `carry`. The helper returns
    the last value. `exclusive` stores the value before each step instead (for `sum` with factor 1).
    """
    size, key = ELEMENTS[element], element.replace(" ", "_")
    body = Template(_sum(exclusive) if kind == "sum" else _extremum("<" if kind == "min" else ">"))
    names = {"V": vector_type(element), "E": element, "K": key, "S": str(size)}
    text = body.substitute(names, N=function(kind, element, exclusive=exclusive))
    return typedef(element) + _shifts(element) + text


def _shifts(element: str) -> str:
    """Declare SHIFT_<element>_k(v, w): lanes move up by k, lanes of w come in at their own place."""
    size, out = ELEMENTS[element], []
    key = element.replace(" ", "_")
    for total in (64, 32, 16):
        lanes = total // size
        out.append(f"#{'if' if total == 64 else 'elif'} VECTOR_BYTES == {total}")
        for step in (1, 2, 4, 8):
            picks = ", ".join(str(i - step if i >= step else lanes + i) for i in range(lanes))
            if step < lanes:
                out.append(
                    f"#define SHIFT_{key}_{step}(v, w) __builtin_shufflevector(v, w, {picks})"
                )
        last = ", ".join([str(lanes - 1)] * lanes)
        out.append(f"#define LAST_{key}(v) __builtin_shufflevector(v, v, {last})")
    steps = "\n".join(["#endif", ""])
    guarded = "\n".join(out)
    return f"#ifndef LAST_{key}\n{guarded}\n{steps}#endif\n"


def _when_wide(lines: str) -> str:
    """Repeat lines for steps 2, 4 and 8, each only where a vector has more lanes than that."""
    blocks = (
        f"#if VECTOR_BYTES / $S > {k}\n{lines.replace('@', str(k))}\n#endif" for k in (2, 4, 8)
    )
    return "\n".join(blocks)


def _sum(exclusive: bool) -> str:
    stored = "v + carries * powers - given" if exclusive else "v + carries * powers"
    tail = "carry = x[i] + factor * carry;\n        x[i] = carry;"
    if exclusive:
        tail = "const $E before = carry;\n        carry = x[i] + factor * carry;\n        x[i] = before;"
    steps = _when_wide(
        "        factor_power *= factor_power;\n        v += factor_power * SHIFT_${K}_@(v, zero);"
    )
    return f"""\
static inline $E $N($E *x, long n, $E factor, $E carry)
{{
    enum {{ LANES = VECTOR_BYTES / $S }};
    const $V zero = {{0}};
    $V powers = zero, carries = zero + carry;
    $E power = 1;
    for (int lane = 0; lane < LANES; lane++) {{
        power *= factor;
        powers[lane] = power;
    }}
    long i = 0;
    for (; i + LANES <= n; i += LANES) {{
        const $V given = *($V *)(x + i);
        $E factor_power = factor;
        $V v = given + factor * SHIFT_${{K}}_1(given, zero);
{steps}
        *($V *)(x + i) = {stored};
        carries = LAST_$K(v) + power * carries;
    }}
    carry = carries[0];
    for (; i < n; i++) {{
        {tail}
    }}
    return carry;
}}
"""


def _extremum(sign: str) -> str:
    """Write the helper for a running minimum (`<`) or maximum (`>`)."""
    offsets = _when_wide("    const $V step@ = SHIFT_${K}_@(zero + @ * factor, zero);")
    steps = _when_wide("        v = ${N}_of(v, SHIFT_${K}_@(v, v) + step@);")
    return f"""\
static inline $V ${{N}}_of($V a, $V b)
{{
    typedef __typeof__(a < b) mask;
    const mask chosen = a {sign} b;
    return ($V)(((mask)a & chosen) | ((mask)b & ~chosen));
}}
static inline $E $N($E *x, long n, $E factor, $E carry)
{{
    enum {{ LANES = VECTOR_BYTES / $S }};
    const $V zero = {{0}};
    $V ramp = zero, carries = zero + carry;
    for (int lane = 0; lane < LANES; lane++)
        ramp[lane] = (lane + 1) * factor;
    const $V last = zero + LANES * factor, step1 = SHIFT_${{K}}_1(zero + factor, zero);
{offsets}
    long i = 0;
    for (; i + LANES <= n; i += LANES) {{
        $V v = *($V *)(x + i);
        v = ${{N}}_of(v, SHIFT_${{K}}_1(v, v) + step1);
{steps}
        *($V *)(x + i) = ${{N}}_of(v, carries + ramp);
        carries = ${{N}}_of(LAST_$K(v), carries + last);
    }}
    carry = carries[0];
    for (; i < n; i++) {{
        const $E moved = carry + factor;
        carry = x[i] {sign} moved ? x[i] : moved;
        x[i] = carry;
    }}
    return carry;
}}
"""
