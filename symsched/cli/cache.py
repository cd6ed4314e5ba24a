"""`symsched cache`: where compiled kernels and Coq's answers are kept, how much that is, and away with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from symsched.cli.help import Json, among, folded

if TYPE_CHECKING:
    from pathlib import Path

ACTIONS = ("path", "size", "clear")
#: What we write there, and nothing else is ever removed: the names in each folder.
KINDS = {
    "kernels": ("kernels", ("symsched_*.py", "symsched_*.bin", "*.tmp")),
    "certificates": ("certificates", ("?" * 64 + ".json",)),
}
HELP = folded("""
Show or clear what symsched keeps on disk: compiled kernels, and what Coq said of certificates.

Nothing in it is needed: what is missing is compiled or checked anew.  SYMSCHED_CACHE_DIR moves it.

[bold]Actions[/bold]

  path    print the folder
  size    count the files and their bytes
  clear   remove them

[bold]Examples[/bold]

  symsched cache                                # folder and size
  symsched cache clear
  symsched cache --json | jq .bytes
""")


def cache(
    action: Annotated[
        str | None,
        typer.Argument(metavar="path|size|clear", help="Folder and size if not given.", autocompletion=among(*ACTIONS)),
    ] = None,
    json: Json = None,
) -> None:
    from symsched.cli.output import writable, write_json
    from symsched.kernels.store import home
    from symsched.parsing import one_of

    if action is not None:
        one_of(action, ACTIONS, "action")
    target, where = writable(json, "--json"), home().absolute()
    found = kept(where)
    document = {"path": str(where), "cleared": action == "clear", **_counted(found)}
    if action == "clear":
        for files in found.values():
            for file in files:
                file.unlink(missing_ok=True)
    if target is not None:
        write_json(target, document)
    if target != "-":
        for line in _lines(action, document):
            typer.echo(line)


def kept(home: Path) -> dict[str, list[Path]]:
    """The files of each kind."""
    return {
        kind: sorted(file for pattern in patterns for file in (home / folder).glob(pattern) if not file.is_dir())
        for kind, (folder, patterns) in KINDS.items()
    }


def _counted(found: dict[str, list[Path]]) -> dict[str, Any]:
    sizes = {kind: [file.lstat().st_size for file in files] for kind, files in found.items()}
    return {
        "files": sum(map(len, sizes.values())),
        "bytes": sum(map(sum, sizes.values())),
        **{kind: {"files": len(each), "bytes": sum(each)} for kind, each in sizes.items()},
    }


def _lines(action: str | None, told: dict[str, Any]) -> list[str]:
    if action == "path":
        return [told["path"]]
    if action == "clear":
        return [f"removed {_amount(told)} from {told['path']}"]
    parts = [f"{kind:12} {_amount(told[kind])}" for kind in KINDS]
    return ([] if action == "size" else [told["path"]]) + parts


def _amount(told: dict[str, Any]) -> str:
    return f"{told['files']} {'file' if told['files'] == 1 else 'files'}, {told['bytes'] / 1e6:.1f} MB"
