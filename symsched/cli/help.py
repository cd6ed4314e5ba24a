"""Help texts: written wrapped in the source, folded so that the terminal wraps them to its own width."""


def folded(text: str) -> str:
    """Join the lines of each paragraph; keep the lines of examples, which are indented."""
    paragraphs = []
    for paragraph in text.strip().split("\n\n"):
        lines = paragraph.splitlines()
        examples = any(line.startswith("  ") for line in lines)
        paragraphs += lines if examples else [" ".join(lines)]
    return "\n\n".join(paragraphs)
