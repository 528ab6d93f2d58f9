"""Pictures that a domain drew: embedded as images, in which no script of theirs can run."""

import base64
from collections.abc import Iterator

from proofsmith.agents.report.markup import Markup, element
from proofsmith.types import JSON, Report


def drawn(report: Report) -> Iterator[tuple[str, str, Markup]]:
    """Yield title, note and image of every picture in the profile and in the evidence of the best version.

    A domain puts them under the fact `pictures`, each as {"title", "note", "svg"}.
    """
    facts = [report.profile.facts] if report.profile is not None else []
    facts += [item.facts for item in report.best.verdict.evidence] if report.best else []
    for known in facts:
        pictures = known.get("pictures")
        for picture in pictures if isinstance(pictures, list) else []:
            if isinstance(picture, dict):
                yield str(picture.get("title")), str(picture.get("note")), _image(picture)


def _image(picture: dict[str, JSON]) -> Markup:
    data = base64.b64encode(str(picture.get("svg")).encode()).decode()
    title = str(picture.get("title"))
    return element("img", src=f"data:image/svg+xml;base64,{data}", alt=title)
