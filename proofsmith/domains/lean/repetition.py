"""What a proof's file repeats of the statement's file, found command by command and cut, comments and layout aside.

Nothing rests on the cut: what is left is elaborated on the statement's own text, never on a copy of it.
"""

from proofsmith.domains.lean import text as lean_text


def cut_front(front: str, text: str) -> str:
    """Return `text` without the commands that stand in `front` too, in that order."""
    known = [words for words, _ in _commands(front)]
    at, kept = 0, []
    for words, whole in _commands(text):
        place = known.index(words, at) if words in known[at:] else -1
        if place < 0:
            kept.append(whole)
        else:
            at = place + 1
    return "".join(kept)


def cut_back(back: str, text: str) -> str:
    """Return `text` without the commands at its end that stand in `back` too, in that order."""
    known = [words for words, _ in _commands(back)]
    rest = _commands(text)
    while rest and (rest[-1][0] in known or not rest[-1][0]):
        words, _ = rest.pop()
        while words and known.pop() != words:
            pass
    return "".join(whole for _, whole in rest)


def _commands(text: str) -> list[tuple[str, str]]:
    """Return each command as what it says, a theorem without its proof, and as it stands."""
    found = lean_text.commands(text)
    first = text[: found[0].start] if found else text
    kept = [(_said(first), first)]
    for command in found:
        whole = text[command.start : command.end]
        theorem = command.kind in ("theorem", "lemma")
        kept.append((_said(whole[: lean_text.statement_end(whole)] if theorem else whole), whole))
    return kept


def _said(text: str) -> str:
    return " ".join(lean_text.code(text, strings=True).split())
