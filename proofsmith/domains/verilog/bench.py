"""What a bench says about the design that it tests."""

from proofsmith.domains.verilog import lexicon


def connected_by_name(bench: str, top: str) -> bool:
    """Say whether every instance of `top` in `bench` connects its ports by name.

    >>> connected_by_name("module tb; adder #(8) u(.a(x), .y(z)); endmodule", "adder")
    True
    >>> connected_by_name("module tb; adder u(x, z); endmodule", "adder")
    False
    """
    words = list(lexicon.tokens(lexicon.bare(bench)))
    found = []
    for index, token in enumerate(words[:-1]):
        starts = index == 0 or words[index - 1].text not in ("module", ".")
        if token.name == top and starts and (words[index + 1].name or words[index + 1].text == "#"):
            opened = _ports(words, index + 1)
            found.append(opened + 1 < len(words) and words[opened + 1].text == ".")
    return bool(found) and all(found)


def _ports(words: list[lexicon.Token], index: int) -> int:
    """Return the position of the parenthesis that opens the ports of an instance."""
    if words[index].text == "#":
        depth, index = 0, index + 1
        while index < len(words):
            depth += (words[index].text == "(") - (words[index].text == ")")
            index += 1
            if depth == 0:
                break
    while index < len(words) and words[index].text != "(":
        index += 1
    return index
