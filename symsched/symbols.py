"""The letters of the theory, with the assumptions under which every formula is derived.

Time runs from t = 0 (noise) to t = 1 (data); α multiplies the noise, β the data.  Schedules are expressions in
`t`; fields are expressions in `t` and the state `x`.  `rho` is the standard deviation of the data, `kappa` the
diffusion scale in units of the optimal one (ε = κ ε*).  `alpha` and `beta` stand for an arbitrary schedule: a
claim proved for them is proved for all.

These letters are public: a user may give them to parameters of her own.  So no derivation of ours uses them, or any
other plain symbol, for what is put in later: such letters are `Dummy`s, which equal nothing else.
"""

from collections.abc import Iterable, Mapping

from sympy import Expr, Function, Symbol, symbols

from symsched.errors import InputError

t = Symbol("t", positive=True)
x = Symbol("x", real=True)
rho = Symbol("rho", positive=True)
kappa = Symbol("kappa", nonnegative=True)
mean = Symbol("m", real=True)

alpha = Function("alpha", positive=True)(t)
beta = Function("beta", positive=True)(t)
eps = Function("epsilon", nonnegative=True)(t)


def state(dim: int) -> tuple[Symbol, ...]:
    """The coordinates of the state: (x,) in one dimension, (x0, x1, …) in more."""
    return (x,) if dim == 1 else symbols(f"x0:{dim}", real=True)


def foreign_time(expr: Expr) -> Symbol | None:
    """A symbol called t that is not `t`: it would be printed like the time, and be something else."""
    return next((s for s in expr.free_symbols if s.name == t.name and s != t), None)


def unreal(letter: Expr) -> str:
    """Why a letter, or the value of a function, cannot be a real number; empty where it can."""
    if letter.is_infinite:
        return "infinite"
    if letter.is_imaginary:
        return "imaginary"
    if letter.is_extended_real is False:
        return "not real"
    return "complex" if letter.is_complex and not letter.is_real else ""


def check_real(expr: Expr, what: str) -> None:
    """Raises InputError for letters that do not stand for real numbers."""
    for letter in sorted(expr.free_symbols, key=str):
        if why := unreal(letter) or ("" if letter.is_commutative else "not commuting"):
            raise InputError(f"{what} = {expr}: {letter} is {why}; expected real letters")


def check_names(letters: Iterable[Symbol], what: str) -> None:
    """Refuse two symbols of one name (and other assumptions) where only the name tells letters apart.

    Raises:
        InputError: there are two such symbols.
    """
    seen: dict[str, Symbol] = {}
    for letter in letters:
        if seen.setdefault(letter.name, letter) != letter:
            raise InputError(
                f"{what} has two symbols called {letter.name}, which differ in their assumptions: "
                "use one of them throughout, or rename one"
            )


def assigned(letters: Iterable[Symbol], values: Mapping[str, Expr], what: str) -> dict[Symbol, Expr]:
    """The table symbol → value for values given by name; put it in with `simultaneous=True`.

    Raises:
        InputError: a name that is none of the letters, or that of two of them; or a value which the assumptions of
            its letter exclude, as formulas were simplified under these.
    """
    letters = tuple(letters)
    known = sorted({letter.name for letter in letters})
    unknown = sorted(set(values) - set(known))
    if unknown:
        has = ", ".join(known) or "none"
        raise InputError(f"{what} has no parameter {', '.join(unknown)}; its parameters are {has}")
    table = {letter: values[letter.name] for letter in letters if letter.name in values}
    check_names(table, what)
    for letter, value in table.items():
        supposed = letter.assumptions0.items()
        if any(getattr(value, f"is_{fact}", None) is (not holds) for fact, holds in supposed):
            declared = ", ".join(sorted(fact for fact, holds in letter._assumptions_orig.items() if holds))
            raise InputError(
                f"{letter} = {value}: {letter} was declared {declared or 'otherwise'}, and {what} relies on it"
            )
    return table
