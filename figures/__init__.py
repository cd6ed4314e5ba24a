"""The project's figures: one module each, whose `draw()` returns the Figure; `python -m figures` remakes them."""
