"""Mathematics as MathML, made while the site is built: pages need no script to typeset it."""

from latex2mathml.converter import convert


def inline(self, node):
    self.body.append(convert(node.astext(), display="inline"))
    raise_skip()


def block(self, node):
    self.body.append(convert(node.astext(), display="block"))
    raise_skip()


def raise_skip():
    """The node is done."""
    from docutils.nodes import SkipNode

    raise SkipNode


def setup(app):
    app.add_html_math_renderer("offline_mathml", (inline, None), (block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
