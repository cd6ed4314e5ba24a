"""From a brief to the functions of the module, whatever the language, and the values they must return."""

from __future__ import annotations

from symsched.codegen import quantities as q
from symsched.codegen.program import Routine, routine
from symsched.codegen.references import Reference, references
from symsched.codegen.sampler_steps import sampler_steps
from symsched.precision import cached_property

PREDICTED = {
    "data": "the data prediction E[X | x]",
    "noise": "the noise prediction E[Z | x]",
    "score": "the score",
    "velocity": "the velocity of the probability flow",
    "v": "the v prediction beta E[Z | x] - alpha E[X | x]",
}


class Module(q.Brief):
    """A brief, and what is emitted for it."""

    @cached_property
    def functions(self) -> tuple[Routine, ...]:
        """The functions in the order in which they are emitted."""
        rows = [
            ("schedule", "noise and data coefficients, and their time derivatives",
             (q.alpha, q.beta, q.alpha_dot, q.beta_dot)),
            ("levels", "signal-to-noise ratio beta/alpha, log of its square, optimal diffusion scale",
             (q.r, q.log_snr, q.eps_star)),
            ("conversion", "source time and scale of the target, and their time derivatives",
             (q.tau, q.scale, q.tau_dot, q.scale_dot)),
            ("diffusion", "diffusion scale eps of dX = b dt + sqrt(2 eps) dW", (q.eps,)),
            *((f"drift_{p}", f"drift b = A x + B p, where p is {PREDICTED[p]}", q.weight_symbols(p))
              for p in q.PREDICTIONS),
        ]  # fmt: skip
        return tuple(
            routine(name, summary, self.ledger, wanted).tidied()
            for name, summary, wanted in rows
            if self.source is not None or name != "conversion"
        )

    @cached_property
    def steps(self) -> tuple[Routine, ...]:
        """Weights of sampler steps from t to t_next."""
        return sampler_steps(self)

    @cached_property
    def references(self) -> tuple[Reference, ...]:
        """What it must return: values in ball arithmetic."""
        return tuple(references(self, self.functions, self.steps))
