"""Notebooks from scripts: cells between "# %%" lines, run here without Jupyter, kept executed as .ipynb beside them.

`python -m docs --notebooks` runs the scripts and writes the files; `<!-- notebook NAME -->` in a page becomes the cells
and what they showed.  Comments are Markdown where the line says `# %% [markdown]`.
"""

import ast
import base64
import contextlib
import io
import json
import re
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "notebooks"
MARK = re.compile(r"<!-- notebook (\w+) -->")


def cells(text):
    """(kind, source) of each cell; what stands before the first is no cell."""
    for head, body in re.findall(r"^# %%(.*)\n((?:(?!# %%).*\n?)*)", text, re.MULTILINE):
        if "markdown" in head:
            yield "markdown", re.sub(r"^# ?", "", body.strip(), flags=re.MULTILINE)
        else:
            yield "code", body.strip()


def run(source, names):
    """Run a cell in a namespace: what it printed, and its last expression's value as Jupyter would ask for it."""
    tree, printed, value = ast.parse(source), io.StringIO(), None
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, "cell", "exec"), names)  # noqa: S102  (our own scripts)
        if last is not None:
            value = eval(compile(ast.Expression(last.value), "cell", "eval"), names)  # noqa: S307
    return printed.getvalue(), None if value is None else shown(value)


def shown(value):
    """A value in each form that it has."""
    found = {"text/plain": repr(value)}
    for kind, name in (("text/latex", "_repr_latex_"), ("text/html", "_repr_html_")):
        text = getattr(value, name, lambda: None)()
        if text:
            found[kind] = text
    if hasattr(value, "savefig"):
        image = io.BytesIO()
        value.savefig(image, format="png", dpi=80)
        found["image/png"] = base64.b64encode(image.getvalue()).decode()
        found["text/plain"] = "<Figure>"
    return found


def executed(text):
    """The notebook of a script, as nbformat 4 has it."""
    names, found, count = {"__name__": "__main__"}, [], 0
    for number, (kind, source) in enumerate(cells(text), 1):
        cell = {"cell_type": kind, "id": f"cell-{number}", "metadata": {}, "source": source}
        if kind == "code":
            count += 1
            printed, value = run(source, names)
            outputs = [{"output_type": "stream", "name": "stdout", "text": printed}] if printed else []
            if value:
                outputs.append(
                    {"output_type": "execute_result", "execution_count": count, "data": value, "metadata": {}}
                )
            cell |= {"execution_count": count, "outputs": outputs}
        found.append(cell)
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {"cells": found, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


def page(notebook):
    """Markdown of an executed notebook."""
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            yield cell["source"]
            continue
        yield f"```python\n{cell['source']}\n```"
        for output in cell["outputs"]:
            yield _output(output.get("data", {"text/plain": output.get("text", "").rstrip()}))


def _output(data):
    if "image/png" in data:
        return f'<img alt="the figure that this cell draws" src="data:image/png;base64,{data["image/png"]}">'
    if "text/html" in data:
        return f'<div class="shown">{data["text/html"]}</div>'
    if "text/latex" in data:
        return data["text/latex"].replace(r"$\displaystyle", "$$", 1).rstrip("$") + "$$"
    return f"```text\n{data['text/plain']}\n```"


def write():
    """Run every script, and write what came of it beside it."""
    for script in sorted(FOLDER.glob("*.py")):
        text = json.dumps(executed(script.read_text(encoding="utf-8")), indent=1, ensure_ascii=False)
        script.with_suffix(".ipynb").write_text(text + "\n", encoding="utf-8")


def fill(_app, _name, source):
    def cells_of(found):
        kept = FOLDER / f"{found[1]}.ipynb"
        return "\n\n".join(page(json.loads(kept.read_text(encoding="utf-8"))))

    source[0] = MARK.sub(cells_of, source[0])


def setup(app):
    app.connect("source-read", fill)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
