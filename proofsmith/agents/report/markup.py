"""Build HTML and SVG in which every text is escaped by construction."""

import html


class Markup(str):
    """Text that is already markup; any other `str` is escaped when it becomes a child."""

    __slots__ = ()


def element(tag: str, *children: str, **attributes: str | float | None) -> Markup:
    """Return `<tag ...>children</tag>`; a trailing `_` of an attribute is dropped and other `_` become `-`.

    Attributes that are None are left out; numbers are written with at most two decimals.

    >>> element("td", "a < b", class_="code", x=1.50)
    '<td class="code" x="1.5">a &lt; b</td>'
    >>> element("p", element("b", "&"))
    '<p><b>&amp;</b></p>'
    """
    words = [tag]
    for name, value in attributes.items():
        if value is not None:
            text = value if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")
            words.append(f'{_attribute(name)}="{html.escape(text, quote=True)}"')
    return Markup(f"<{' '.join(words)}>{join(*children)}</{tag}>")


def join(*children: str) -> Markup:
    """Put children side by side, escaping those that are not markup."""
    return Markup("".join(c if isinstance(c, Markup) else html.escape(c) for c in children))


def _attribute(name: str) -> str:
    return "viewBox" if name == "view_box" else name.rstrip("_").replace("_", "-")
