"""Merge bits of sums that are equal as numbers, whatever adders compute them, so that engines need not find out.

A full adder of x, y, z has sum s and carry c with s + 2c = x + y + z. Hence a carry is (x + y + z - s) / 2, a sum of
bits is the exclusive or, and each bit of a sum is, modulo 2, a linear form over the bits that are added and the lower
bits of the sum: in it the sums and carries between them cancel, for every order and every kind of adders. Nodes with
one form are one node. Literals are as in `aig`; coefficients are integers in units of 1 / ONE.
"""

import heapq
from collections.abc import Iterator, Mapping, Sequence

from proofsmith.domains.verilog.aig import FALSE, Aig
from proofsmith.domains.verilog.cuts import recognised

ONE = 1 << 600
"""Halved once for every column that a carry crosses."""
ROUNDS = 8
WORK = 3_000_000
"""Terms that one search may touch."""
Pair = tuple[int, int]
Form = tuple[tuple[tuple[int, int], ...], int]
"""Terms (atom, coefficient) in order, and a constant: modulo 2."""


class Exhausted(Exception):
    """The forms of a graph are too long."""


def merged(graph: Aig, pairs: Sequence[Pair]) -> tuple[Aig, list[Pair]]:
    """Return a graph in which bits of equal sums are one node, with the literals of `pairs`, to be shown equal, in it.

    Of equal nodes the one that was made first stays. Inputs and state bits keep their order.
    """
    pairs = list(pairs)
    for _ in range(ROUNDS):
        roots = [literal for pair in pairs for literal in pair]
        try:
            same = _Forms(graph).equal(roots)
        except Exhausted:
            break
        if not same:
            break
        graph, pairs = _rebuilt(graph, pairs, same)
    return graph, pairs


def _rebuilt(old: Aig, pairs: Sequence[Pair], same: Mapping[int, int]) -> tuple[Aig, list[Pair]]:
    made = Aig(positional=old.positional)
    values = [FALSE]
    inputs = {literal >> 1 for literal in old.inputs}
    for node in range(1, len(old)):
        if old.left[node] < 0:
            values.append(made.input() if node in inputs else made.latch())
        elif node in same:
            values.append(values[same[node] >> 1] ^ (same[node] & 1))
        else:
            values.append(made.gate(old, node, values))
    return made, [(values[a >> 1] ^ (a & 1), values[b >> 1] ^ (b & 1)) for a, b in pairs]


class _Forms:
    """The linear forms of the nodes of one graph.

    A *parity* is the exclusive or of nodes that are none themselves: a mask with one bit for each of them.
    """

    def __init__(self, graph: Aig) -> None:
        self._graph = graph
        found = recognised(graph)
        self._nodes: list[int] = []
        """Nodes that are no exclusive or, in the order of their bits."""
        self._parities: list[tuple[int, int]] = []
        """Mask and inversion of each node."""
        for node in range(len(graph)):
            alike = found.same.get(node)
            parity = self._joint(found.parities.get(node, () if alike is None else (alike,)))
            if node and node not in found.parities and alike is None:
                parity = 1 << len(self._nodes), 0
                self._nodes.append(node)
            self._parities.append(parity)
        masks = {mask for mask, _ in self._parities}
        self._carries: dict[int, tuple[int, ...]] = {}
        """For masks of what is a carry the literals that it is carried from."""
        for node, ways in found.carries.items():
            mask, flip = self._parities[node]
            for literals in ways:
                parts = [self._joint((literal,))[0] for literal in literals]
                known = min(literals) > 1 or self._joint(literals)[0] in masks
                if known and max(parts).bit_length() < mask.bit_length():
                    self._carries.setdefault(mask, tuple(literal ^ flip for literal in literals))
        self._atoms: dict[int, tuple[int, int]] = {}
        self._numbers: dict[Form, int] = {}
        self._meanings: dict[int, Form] = {}
        self._work = 0

    def _joint(self, literals: Sequence[int]) -> tuple[int, int]:
        """Return mask and inversion of the exclusive or of `literals`."""
        mask = flip = 0
        for literal in literals:
            more, inverted = self._parities[literal >> 1]
            mask, flip = mask ^ more, flip ^ inverted ^ (literal & 1)
        return mask, flip

    def equal(self, roots: Sequence[int]) -> dict[int, int]:
        """Return, for nodes whose form an earlier node has, the literal of that node."""
        known: dict[int, int] = {}
        same = {}
        for node in sorted(self._visible(roots)):
            mask, inverted = self._parities[node]
            atom, flip = self._atom(mask)
            literal = known.setdefault(atom, 2 * node ^ flip ^ inverted) ^ flip ^ inverted
            if atom < 0:  # a node that is none of a sum, or a constant
                literal = -2 * (atom + 1) ^ flip ^ inverted
            if literal >> 1 != node:
                same[node] = literal
        return same

    def _visible(self, roots: Sequence[int]) -> set[int]:
        """Return the bits of sums that something else than a sum reads."""
        shown, seen = set[int](), set[tuple[int, bool]]()
        pending = [(root >> 1, True) for root in roots]
        while pending:
            node, outside = pending.pop()
            if (node, outside) in seen or node == 0:
                continue
            seen.add((node, outside))
            mask = self._parities[node][0]
            carry = self._carries.get(mask)
            alone = mask and self._nodes[mask.bit_length() - 1] == node
            if outside and (carry or not alone):
                shown.add(node)
            if not alone:
                pending += [(self._nodes[bit], False) for bit in _bits(mask)]
            elif carry:
                pending += [(literal >> 1, False) for literal in carry]
            elif self._graph.left[node] >= 0:
                pending += [
                    (self._graph.left[node] >> 1, True),
                    (self._graph.right[node] >> 1, True),
                ]
        return shown

    def _atom(self, mask: int) -> tuple[int, int]:
        """Return the number of what a parity is and whether it is inverted; negative for single nodes: -1 - node."""
        if mask not in self._atoms:
            form, flip = self._normal(*self._form(mask))
            terms, constant = form
            fixed = self._fixed(terms, constant)
            if fixed is not None:
                number, flip = -1, flip ^ fixed
            elif len(terms) == 1 and terms[0][0] < 0 and terms[0][1] == ONE and not constant:
                number = terms[0][0]
            else:
                number = self._numbers.setdefault(form, len(self._numbers) + 1)
                self._meanings[number] = form
            self._atoms[mask] = number, flip
        return self._atoms[mask]

    def _form(self, mask: int) -> tuple[dict[int, int], int]:
        """Return the terms over atoms, and the constant, that are modulo 2 the exclusive or of the bits of `mask`."""
        terms, constant = self._expanded(mask)
        found: dict[int, int] = {}
        for rest, factor in sorted(terms.items()):
            single = rest & rest - 1 == 0
            node = self._nodes[rest.bit_length() - 1]
            atom, flip = (-1 - node, 0) if single else self._atom(rest)
            if flip:
                constant, factor = constant + factor, -factor
            found[atom] = found.get(atom, 0) + factor
        return found, constant

    def _normal(self, terms: Mapping[int, int], constant: int) -> tuple[Form, int]:
        """Return the form that a parity, its complement and its negative share, and whether it is the complement's."""
        both = []
        for sign in (1, -1):
            found, rest = {atom: sign * factor for atom, factor in terms.items()}, sign * constant
            for atom in sorted((a for a in found if a > 0), reverse=True):
                if found[atom] // ONE & 1:  # a whole exclusive or is the sum of its bits
                    bits, more = self._meanings[atom]
                    rest += more
                    for part, factor in bits:
                        found[part] = found.get(part, 0) + factor
                found[atom] %= ONE
            left = ((atom, factor % (2 * ONE)) for atom, factor in found.items() if atom != -1)
            signed = tuple(sorted((atom, factor) for atom, factor in left if factor))
            both.append(((signed, rest % ONE), rest // ONE & 1))
        return min(both)

    def _fixed(self, terms: Sequence[tuple[int, int]], constant: int) -> int | None:
        """Return the value of a form that cannot reach another: upper bits of sums that are too small for them."""
        found = dict(terms)
        for atom in sorted((a for a in found if a > 0), reverse=True):
            if found[atom] % ONE:  # lower bits of a sum are taken away from it
                bits, more = self._meanings[atom]
                constant += more
                for part, factor in bits:
                    found[part] = found.get(part, 0) + factor
            found[atom] = found[atom] % ONE - ONE if found[atom] % ONE else 0
        signed = [f if a > 0 else (f + ONE) % (2 * ONE) - ONE for a, f in found.items()]
        low = sum(f for f in signed if f < 0) + (constant + ONE // 2) % (2 * ONE) - ONE // 2
        high = low + sum(map(abs, signed))
        if low > -ONE and high < ONE:
            return 0
        return 1 if low > 0 and high < 2 * ONE else None

    def _expanded(self, mask: int) -> tuple[dict[int, int], int]:
        """Replace carries by what they carry, from the top downwards, until only leaves and lower sums are left."""
        terms: dict[int, int] = {}
        constant = 0
        waiting: list[tuple[int, bool, int]] = []

        def put(more: int, factor: int) -> None:
            if more not in terms:
                heapq.heappush(waiting, (-more.bit_length(), more & more - 1 == 0, more))
            terms[more] = (terms.get(more, 0) + factor) % (2 * ONE)

        if mask:
            put(mask, ONE)
        while waiting:
            _, single, top = heapq.heappop(waiting)
            factor = terms[top]
            self._work += 1
            if self._work > WORK:
                raise Exhausted
            carry = self._carries.get(top)
            if not single and factor >= ONE:
                terms[top] = factor = factor - ONE
                for bit in _bits(top):
                    put(1 << bit, ONE)
            if carry and factor and factor & 1 == 0:
                terms[top] = 0
                parts, more = self._carried(carry, factor // 2)
                constant += more
                for part, half in parts:
                    put(part, half)
        return {rest: factor for rest, factor in terms.items() if factor}, constant

    def _carried(self, carry: Sequence[int], half: int) -> tuple[list[tuple[int, int]], int]:
        """Return what a carry out of these literals, `2 * half` times, is: factors of masks, and a constant."""
        parts, constant = [], 0
        signed = [(self._joint((literal,)), half) for literal in carry]
        for (mask, inverted), factor in [*signed, (self._joint(carry), -half)]:
            constant += factor * inverted
            parts += [(mask, -factor if inverted else factor)] if mask else []
        return parts, constant


def _bits(mask: int) -> Iterator[int]:
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low
