"""Draw docs/pictures/prompt-size.svg: prompt tokens over a 200-step project; run from the repository's root."""

from pathlib import Path

from proofsmith.memory.context import Part, assemble, slices
from proofsmith.tools.tokens import estimate

STEPS, EARLY, BUDGET_TOKENS = 200, 10, 3000
WIDTH, HEIGHT, LEFT, BOTTOM = 640, 260, 60, 220


def module(number: int) -> str:
    """Return one file of a growing project; it uses the file before it and one of the first ten."""
    used = [number - 1, number % EARLY] if number >= EARLY else []
    head = "".join(f"from mod{n} import work{n}\n" for n in used)
    body = "".join(f"    y{i} = x + {i}\n" for i in range(30))
    calls = " + ".join(f"work{n}(x)" for n in used) or "x"
    return f"{head}\nLIMIT{number} = {number}\n\ndef work{number}(x):\n{body}    return {calls}\n"


def sizes() -> list[tuple[int, int, int]]:
    """Return (step, prompt tokens, tokens of all files) every fifth step."""
    files: dict[str, str] = {}
    found = []
    for step in range(STEPS + 1):
        if step >= EARLY and step % 5 == 0:
            needs = [*(f"mod{i}.py" for i in range(EARLY)), f"mod{step - 1}.py"]
            parts = [
                Part(name="Task", text="Grow the project by one file.", pinned=True),
                *slices(files, needs, budget_tokens=BUDGET_TOKENS - 400),
                Part(name="Your step", text=f"Write mod{step}.py.", pinned=True),
            ]
            prompt = assemble(parts, budget_tokens=BUDGET_TOKENS)
            found.append((step, prompt.tokens, sum(map(estimate, files.values()))))
        files[f"mod{step}.py"] = module(step)
    return found


def drawing(found: list[tuple[int, int, int]]) -> str:
    """Return the plot; both curves on one scale."""
    top = max(whole for _, _, whole in found)

    def line(index: int, colour: str) -> str:
        points = " ".join(
            f"{LEFT + (WIDTH - LEFT - 20) * row[0] / STEPS:.1f},{BOTTOM - 190 * row[index] / top:.1f}"
            for row in found
        )
        return f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{points}"/>'

    words = [
        f'<text x="{LEFT}" y="{HEIGHT - 8}">0</text>',
        f'<text x="{WIDTH - 60}" y="{HEIGHT - 8}">step {STEPS}</text>',
        f'<text x="4" y="34">{top}</text><text x="4" y="{BOTTOM}">0 tokens</text>',
        '<text x="250" y="90" fill="#888">all files of the project</text>',
        f'<text x="250" y="{BOTTOM - 24}" fill="#06c">prompt: {found[0][1]} to {max(p for _, p, _ in found)}</text>',
    ]
    axis = f'<path d="M{LEFT} 30V{BOTTOM}H{WIDTH - 20}" fill="none" stroke="#444"/>'
    inside = "\n".join([axis, line(2, "#888"), line(1, "#06c"), *words])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'font-family="sans-serif" font-size="12">\n{inside}\n</svg>\n'
    )


if __name__ == "__main__":
    Path("docs/pictures/prompt-size.svg").write_text(drawing(sizes()), "utf-8")
