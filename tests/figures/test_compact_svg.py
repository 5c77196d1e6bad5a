"""A figure's file in fewer bytes shows the same."""

from __future__ import annotations

import io
import re
from xml.etree import ElementTree

import matplotlib.pyplot as plt
import numpy as np

from aggdist.figures.style import compact_svg


def drawn() -> str:
    rng = np.random.default_rng(0)
    fig, ax = plt.subplots()
    ax.plot(rng.normal(size=200), rng.normal(size=200), ".", label="some <points>")
    ax.plot(np.linspace(-3, 3, 50), np.sin(np.linspace(-3, 3, 50)))
    ax.legend()
    svg = io.StringIO()
    fig.savefig(svg, format="svg", metadata={"Date": None})
    plt.close(fig)
    return svg.getvalue()


def places(element: ElementTree.Element) -> list[float]:
    text = " ".join(element.get(name, "") for name in ("d", "x", "y"))
    return [float(number) for number in re.findall(r"-?\d+\.?\d*", text)]


def test_it_has_the_same_elements_at_the_same_places():
    before = drawn()
    after = compact_svg(before)
    assert len(after) < 0.9 * len(before)
    old, new = (list(ElementTree.fromstring(text).iter()) for text in (before, after))
    assert [element.tag for element in old] == [element.tag for element in new]
    for one, other in zip(old, new, strict=True):
        np.testing.assert_allclose(places(other), places(one), atol=0.0051)
        kept = {name: value for name, value in one.items() if name not in ("d", "x", "y", "style")}
        assert kept == {name: value for name, value in other.items() if name not in ("d", "x", "y", "style")}


def styles(text: str) -> list[str | None]:
    """The style of each mark: its own, or that of the group it is in."""
    root = ElementTree.fromstring(text)
    of_parent = {child: parent.get("style") for parent in root.iter() for child in parent}
    return [mark.get("style") or of_parent[mark] for mark in root.iter("{http://www.w3.org/2000/svg}use")]


def test_marks_keep_their_style_and_most_have_it_from_their_group():
    before = drawn()
    after = compact_svg(before)
    assert styles(after) == styles(before)
    assert after.count("style=") < before.count("style=") - 150


def test_it_is_settled():
    once = compact_svg(drawn())
    assert compact_svg(once) == once
