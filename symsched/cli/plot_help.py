"""What `symsched plot NAME --help` teaches: what is drawn, from what, and an example or two."""

from __future__ import annotations

from symsched.cli.help import folded

SHORT = {
    "families": "α, β, log SNR, variance and ε* against t, and the (α, β) plane.",
    "plane": "Lazy schedules in the (α, β) plane: κ from 0 to ∞, ρ as colour.",
    "claim": "Both sides of a claim of the theory in numbers, and a twin that is wrong.",
    "conversion": "The maps τ(t) and c(t) from one schedule to others.",
    "paths": "The same Brownian motion under source and target, side by side.",
    "drift": "The drift b(t, x) before and after conversion; where it is white there is none.",
    "energy": "Energy of the drift that is left in the lazy frame as two modes part; when it is spent.",
    "error": "W2 and KL of the law after N steps to Gaussian data, against N; exact.",
    "law": "The density after N steps beside that of Gaussian data; exact.",
    "orders": "Strong and weak error of Euler steps against their number, with fitted orders.",
    "guidance": "The law that guidance samples against κ, beside the tilted one; exact.",
    "kl": "Path KL of a model with a wrong score against κ: the least is at κ = 1.",
    "spacing": "What DDIM keeps of Gaussian data's variance, and the best grid of several modes; exact.",
    "start": "Euler's order from a point, against the noise that it starts with; exact.",
    "overview": "The toolkit at a glance: paths before and after conversion, and the error after N steps.",
}

_MORE = {
    "families": """
Without options: a selection of the catalogue.  --schedule chooses; --kappa draws the lazy schedules of these κ,
for each ρ of --rho.  ρ is also the standard deviation in V = α² + ρ²β².

[bold]Examples[/bold]

  symsched plot families --kappa 0,0.25,1,4 --rho 1 -o families.svg
  symsched plot families --schedule vp --schedule "alpha=1-t; beta=t**2" -o two.png
""",
    "plane": """
α² = ρ²(β^q − β²) with q = 2κ/(1+κ): the quarter ellipse at κ = 0, the axis α = 0 in the limit κ = inf.  Dashes
tell κ, colours ρ.

[bold]Example[/bold]

  symsched plot plane --kappa 0,1/4,1,4,inf --rho 1/2,1,2 -o plane.pdf
""",
    "claim": """
A line is one side of the claim; the dots on it are the other, found in another way; the broken grey line is a twin
that is wrong.  C13, C14, C15, C21, C22, C24, C27, C28 and C29 are drawn like this.  The other claims have figures of
their own: see the table at the end of docs/theory.md.

[bold]Example[/bold]

  symsched plot claim C21 C22 -o solvers.svg
""",
    "conversion": """
A model of the source is asked at time τ, for the state divided by c.  A truncated source (ddpm, edm) reaches
only targets between its own noise levels.

[bold]Example[/bold]

  symsched plot conversion --from linear --to vp --to "lazy(kappa=0, rho=0.5)" -o maps.svg
""",
    "paths": """
The target's paths are c times the source's at τ, with the same Brownian motion after the change of time.  A
target that starts at a point (every lazy one with κ > 0) gathers them all at 0; behind them, the drift.

[bold]Examples[/bold]

  symsched plot paths --from linear --to follmer --kappa 1 -o paths.png
  symsched plot paths --data "mixture(weights=[.5,.5], means=[-1,1], stds=[.3,.3])" -o mixture.png
""",
    "drift": """
One row for each law of the data, by default N(0, 1) and a mixture of two.  Orange pushes up, purple pulls down.

[bold]Example[/bold]

  symsched plot drift --from vp --to "lazy(kappa=1, rho=0.5)" --data "gaussian(0, 0.5)" -o drift.png
""",
    "energy": """
The data are two equal modes, in all of variance 1.  Their distance is in standard deviations of one of them.  The
energy is ∫E|b|²/(4ε) dt of the drift in the lazy frame of κ, and on the right its integrand at one κ.

[bold]Example[/bold]

  symsched plot energy --kappa 1/4,1,4 --separation 0,1,2,4,8 -o energy.svg
""",
    "error": """
The law of N steps on Gaussian data is Gaussian, and known in closed form: nothing is sampled.  κ is 0 unless
given; a step that is infinite (Euler at t = 0 where ε* is) is refused, and the message says what would do.

[bold]Example[/bold]

  symsched plot error --schedule linear --schedule "lazy(kappa=0, rho=0.5)" --data "gaussian(0, 0.5)" -o error.svg
""",
    "law": """
One panel for each schedule (at most 4), one curve for each number of steps (at most 6).

[bold]Example[/bold]

  symsched plot law --schedule linear --schedule vp --steps 1,2,4,8 --data "gaussian(0, 0.5)" -o law.svg
""",
    "orders": """
Strong: N and 2N Euler steps on one Brownian motion.  Weak: the exact second moment after N steps.  An order is
fitted to three numbers of steps or more.  Both start at --start, since ε* may be infinite at 0.

[bold]Example[/bold]

  symsched plot orders --schedule linear --schedule vp --kappa 1/2 --steps 32,64,128,256 -o orders.svg
""",
    "guidance": """
The field has the weight 1 + w on the conditional law (--data) and −w on the unconditional one.  The tilted law
p_c^(1+w)/p_u^w is the limit of large κ.

[bold]Example[/bold]

  symsched plot guidance --data "gaussian(1, 0.5)" --unconditional "gaussian(0, 1)" --weight 1,3 -o guidance.svg
""",
    "kl": """
The data are N(0, 1) and the model takes them for N(0, 0.8²), unless you say otherwise.  The value is
Girsanov's, and the same for every schedule.

[bold]Example[/bold]

  symsched plot kl --schedule linear --schedule vp --model "gaussian(0.2, 1)" -o kl.svg
""",
    "spacing": """
On the left one mode at a time: N equal steps of its angle atan ρr keep the same share of every ρ.  On the right all of
them at once: the grid that is best for the spectrum, against those that are best for one of its modes.

[bold]Example[/bold]

  symsched plot spacing --rho 1/10,1,4 --steps 2,4,8,16 -o spacing.svg
""",
    "start": """
The Föllmer process is lazy at κ = 1, and is run with other scales from exactly the point.  Scales below 1 lose the
order, and have other solutions.

[bold]Example[/bold]

  symsched plot start --kappa 1/4,1/2,1,2 -o start.svg
""",
    "overview": """
[bold]Example[/bold]

  symsched plot overview --seed 3 -o overview.png
""",
}


def help_of(plot: str) -> str:
    """The help of one command."""
    return folded(f"{SHORT[plot]}\n\n{_MORE[plot].strip()}")
