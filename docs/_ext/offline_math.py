"""Mathematics as MathML, made while the site is built: pages need no script to typeset it."""

import re

from docutils.nodes import SkipNode
from latex2mathml.converter import convert

FUNCTIONS = "arccos|arcsin|arctan|atan|cos|cot|det|exp|log|max|min|sin|sup|tan"
# The converter writes these as letters, or leaves browsers to space them as relations.
SPACING = (
    (re.compile(r"<mi>(?:&#x0007E;|&#x0223C;|~)</mi>"), "<mo>&#x0223C;</mo>"),
    (re.compile(r"<mo>&#x0002F;</mo>"), '<mo lspace="0" rspace="0" stretchy="false">/</mo>'),
    (re.compile(r'<mo(?: stretchy="false")?>&#x0007C;</mo>'), '<mo lspace="0" rspace="0" stretchy="false">|</mo>'),
    (re.compile(rf"<m[io]>({FUNCTIONS})</m[io]>(<mo[^>]*>&#x00028;)"), r"<mi>\1</mi>\2"),
    (re.compile(rf"(?<!<msup>)<m[io]>({FUNCTIONS})</m[io]>(?!<mo)"), r'<mi>\1</mi><mspace width="0.167em" />'),
    (re.compile(r"<mo>(&#x00307;|&#x002D9;)</mo>"), r'<mo accent="true" stretchy="false">\1</mo>'),
    (re.compile(r"<mi>&#x02032;</mi>"), '<mo lspace="0" rspace="0">&#x02032;</mo>'),
)


def typeset(latex, display):
    """MathML of a LaTeX formula."""
    found = convert(latex.replace("{aligned}", "{align*}"), display=display)  # which is the one that it knows
    for pattern, better in SPACING:
        found = pattern.sub(better, found)
    return found


def renderer(display):
    def visit(self, node):
        found = typeset(node.astext(), display)
        self.body.append(found if display == "inline" else f'<div class="formula">{found}</div>')
        raise SkipNode

    return visit


def setup(app):
    app.add_html_math_renderer("offline_mathml", (renderer("inline"), None), (renderer("block"), None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
