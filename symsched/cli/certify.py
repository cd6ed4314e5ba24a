"""`symsched certify`: certificates of claims for Coq, and of a schedule's signs for ball arithmetic."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from symsched.cli.help import Json, folded

if TYPE_CHECKING:
    from symsched.certify import Certificate, Checked
    from symsched.certify.interval import SignCertificate

HELP = folded("""
Write what `verify` decides as certificates that other kernels check.

For claims: DIR/NAME.v has a Coq lemma for every derivative that the derivation takes and for every residual, with its
hypotheses written out; Coq (8.16 to 8.20, with Coquelicot) checks them, and says on which axioms they rest.

For a schedule: DIR/signs.json has, for α > 0, β > 0, r increasing, ε* ≥ 0 and V non-decreasing, a subdivision of (0, 1)
on which balls show the sign, or a point where it fails, or "undecided".  The script check_signs.py, written beside it,
checks it again without symsched.

With --numerics: the bounds that the numbers rest on.  Alone, the error of the kernels' log, exp and sines, rounding
included, over their whole domains; with a schedule, how fast the Newton inverse of the emitted code contracts.

[bold]Examples[/bold]

  symsched certify -o certificates              # all claims
  symsched certify C3 C10 -o certificates
  symsched certify --no-check -o certificates   # write only; needs no Coq
  symsched certify --schedule "ddpm()" -o signs && python signs/check_signs.py signs/signs.json
  symsched certify --schedule "ddpm()" --numerics -o signs
  symsched certify --numerics

Exit codes: 0 all well, 1 a proof failed or a sign is refuted or undecided, 2 bad input, or no Coq of a known version.
""")


def certify(
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME|PATH", help="Claims or files.")] = None,
    out: Annotated[str | None, typer.Option("-o", "--output", metavar="DIR", help="Folder for the files.")] = None,
    schedule: Annotated[str | None, typer.Option(metavar="S", help="Certify the signs of this schedule.")] = None,
    rho: Annotated[str, typer.Option(help="Standard deviation of the data in V = α² + ρ²β².")] = "1",
    numerics: Annotated[bool, typer.Option("--numerics", help="Certify bounds that the numbers rest on.")] = False,
    check: Annotated[bool, typer.Option("--check/--no-check", help="Have Coq check the files.")] = True,
    json: Json = None,
) -> None:
    from symsched.cli.output import writable, writable_in
    from symsched.errors import InputError

    if schedule is not None and names:
        raise InputError(f"certify {names[0]} --schedule: certify claims or a schedule; give one of them")
    if numerics and (names or (schedule is None and out is not None)):
        raise InputError("certify --numerics: goes with --schedule S -o DIR, or alone, with --json FILE if you like")
    if numerics and schedule is None:
        _kernels(writable(json, "--json"))
    if out is None and json is None:
        raise InputError("certify: nowhere to write; give -o DIR for the certificates, or --json FILE")
    target = writable(json, "--json")
    writable_in(out, "signs.json" if schedule else "C1.v", "-o")
    if schedule is None:
        _claims(names, out, check, target)
    else:
        _signs(schedule, rho, numerics, out, target)


# -- claims ----------------------------------------------------------------------------------------------------


def _claims(names: list[str] | None, out: str | None, check: bool, target: str | None) -> None:
    from symsched.certify.claims import certify as run
    from symsched.cli.output import write_json
    from symsched.cli.verify import progress_bar

    with progress_bar("certifying") as progress:
        found = run(names or None, out, progress, check=check)
    if target is not None:
        write_json(target, {"passed": _passed(found), "claims": [_document(*pair) for pair in found]})
    if target != "-":
        for one, said in found:
            typer.echo(_line(one, said))
        _verdict(found)
    raise typer.Exit(0 if _passed(found) else 1)


def _passed(found: list[tuple[Certificate, Checked | None]]) -> bool:
    return all(said is None or said.passed for _, said in found)


def _line(one: Certificate, said: Checked | None) -> str:
    if not one.text:
        return f"{one.name}  –  nothing to certify: {one.summary()}"
    if said is None:
        return f"{one.name}  –  {one.summary()}: written, not checked"
    if not said.passed:
        return f"{one.name}  ✗  {said.failure}"
    when = "checked before" if said.cached else f"{said.seconds:.1f} s"
    return f"{one.name}  {'✓' if one.complete else '–'}  {one.summary()}; {len(said.axioms)} axioms ({when})"


def _verdict(found: list[tuple[Certificate, Checked | None]]) -> None:
    axioms = sorted({axiom for _, said in found if said for axiom in said.axioms})
    if axioms:
        typer.echo(f"axioms, all of Coq's classical real numbers: {', '.join(axioms)}")
    for one, _ in found:
        for left in (*one.left, *one.left_derivatives):
            typer.echo(f"{one.name}: not certified: {left}")
    failed = [one.name for one, said in found if said and not said.passed]
    typer.echo(f"{len(failed)} failed: {', '.join(failed)}" if failed else "nothing failed")


def _document(one: Certificate, said: Checked | None) -> dict[str, object]:
    return {
        "name": one.name,
        "coq": None if said is None or (said.passed and not one.complete) else said.passed,
        "failure": said.failure if said else "",
        "axioms": list(said.axioms) if said else [],
        "residuals": one.residuals,
        "by_evaluation": one.trivial,
        "derivatives": one.derivatives,
        "not_certified": list(one.left),
        "derivatives_not_certified": list(one.left_derivatives),
        "sha256": one.digest,
    }


# -- schedules -------------------------------------------------------------------------------------------------


def _signs(text: str, rho: str, numerics: bool, out: str | None, target: str | None) -> None:
    from symsched.catalog import as_schedule
    from symsched.certify.interval import certify_newton, certify_schedule, document, write
    from symsched.cli.output import write_json

    schedule = as_schedule(text)
    found = certify_schedule(schedule, rho) + (certify_newton(schedule) if numerics else [])
    if out is not None:
        write(found, out)
    if target is not None:
        write_json(target, document(found))
    if target != "-":
        for one in found:
            typer.echo(_sign_line(one))
    raise typer.Exit(0 if all(one.outcome == "proved" for one in found) else 1)


def _sign_line(one: SignCertificate) -> str:
    return f"{one.statement:42} {one.outcome:10} {one.how}"


# -- kernels ---------------------------------------------------------------------------------------------------


def _kernels(target: str | None) -> NoReturn:
    from symsched.certify.numerics import prove_all
    from symsched.cli.output import write_json

    found = list(prove_all())
    if target is not None:
        write_json(target, {"bounds": [one.document() for one in found]})
    if target != "-":
        for one in found:
            typer.echo(f"{one.bound.statement:66} {one.outcome:10} {one.most:.2f} on {one.pieces} pieces")
    raise typer.Exit(0 if all(one.outcome == "proved" for one in found) else 1)


if TYPE_CHECKING:
    _ = sys
