"""A pretrained model and what it means: its schedule, its prediction, and how it wants time and conditions.

field = FlowField(model, "linear")                                     # velocity of a flow model, model(x, t)
field = FlowField(unet, "ddpm", "noise", time="1000*(1-t) - 1")       # a DDPM network
field = FlowField(net, "edm", "data", time="log(alpha/beta)/4")       # a VE denoiser
field.data(x, 0.3), field.velocity(x, 0.3)                             # η_X and b at native time 0.3
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from types import FunctionType
from typing import Any

import numpy as np
import sympy as sp
import torch
from numpy.typing import NDArray

from symsched.bridge.levels import Native, SymbolicNative, as_native, from_data
from symsched.bridge.prediction import check_prediction, outputs_at, relation_at
from symsched.errors import InputError, clipped
from symsched.exact import values
from symsched.parsing import parse_expression
from symsched.precision import cached_property
from symsched.schedule import Schedule
from symsched.shown import Shown, Table
from symsched.symbols import t

Array = NDArray[np.float64]
_alpha, _beta = sp.Symbol("alpha", positive=True), sp.Symbol("beta", positive=True)


class Asker:
    """A field at fixed native times: the model's times, input scales and relations are made once.

    Args:
        field: the model.
        times: native times, float64, numbered from 0.
        dtype: of the model's input, instead of the field's own.
    """

    def __init__(self, field: FlowField, times: Array, dtype: Any = None) -> None:
        self.field, self.times, self.dtype = field, times, dtype or field.dtype
        self.clock = [float(time) for time in field.model_times(times)]
        self.scales = [float(scale) for scale in field.input_scales(times)]

    @cached_property
    def relations(self) -> list[tuple[float, float]]:
        """(p, q) of η_X = p x + q output at each time."""
        return self.field.relations(self.times)

    def output(self, k: int, x: Any, conditions: Mapping[str, Any]) -> Any:
        """The model's answer at time k, in its own dtype."""
        scaled = x if self.scales[k] == 1.0 else self.scales[k] * x
        seen = scaled.to(self.dtype, copy=scaled is x)  # a model may begin with an operation in place
        clock = torch.full((len(x),), self.clock[k], dtype=_time_dtype(self.dtype), device=x.device)
        return self.field.output(seen, clock, **conditions)

    def combined(self, k: int, x: Any, pair: tuple[float, float], conditions: Mapping[str, Any]) -> Any:
        """pair[0] x + pair[1] output, in x's dtype."""
        return pair[0] * x + pair[1] * self.output(k, x, conditions).to(x.dtype)

    def data(self, k: int, x: Any, conditions: Mapping[str, Any]) -> Any:
        """η_X at time k, in x's dtype."""
        return self.combined(k, x, self.relations[k], conditions)


class FlowField(Shown):
    """The mean fields of I_t = α Z + β X as a model estimates them.

    Args:
        model: called as model(x, time, **conditions) with x of shape (batch, …) in the model's dtype and `time` of
            shape (batch,) in float32 at least; it returns a tensor of x's shape and dtype.
        schedule: the (α, β) it was trained with: a `Schedule`, its text, or a `TabulatedNative`.
        prediction: velocity, data, noise, score, v or edm.  Noise and score say nothing about the data where β = 0, and
            a velocity nothing where β̇ = 0 too: such a model of a schedule that begins there is asked from r = β/α =
            0.01 on, and so is every model of a schedule that begins at a point.
        time: the model's time as an expression in t, alpha and beta, or a function of a float64 array of native times.
        guidance: classifier-free guidance w: out = null + w (conditional − null), in one doubled batch; in two calls
            where a condition has no batch that could be doubled (numbers, text, lists, dicts, None).  The law of the
            samples then depends on κ, though not on the target schedule (theory C25; `symsched.guided`).
        null: the conditions of the unconditional half; those not named are shared.  A number stands for the one
            condition that is given, and stands everywhere in a condition of more axes.
        shape: shape of one sample, so that `sample` may be given a number.
        dtype, device: of the model's input; by default those of its parameters, else float32 on the CPU.
        sigma_data: EDM's, for prediction edm.
        calibration: a `Calibration` of this model, which `sample` uses unless it is given another.

    Raises:
        InputError: an unknown prediction, schedule or time expression, or guidance without `null`.
    """

    def __init__(
        self,
        model: Callable[..., Any],
        schedule: Schedule | str | Native = "linear",
        prediction: str = "velocity",
        *,
        time: str | Callable[[Array], Array] = "t",
        guidance: float | None = None,
        null: Mapping[str, Any] | float | None = None,
        shape: tuple[int, ...] | None = None,
        dtype: Any = None,
        device: Any = None,
        sigma_data: float = 0.5,
        calibration: Any = None,
    ) -> None:
        self.model, self.prediction = model, check_prediction(prediction)
        native = as_native(schedule)
        self.native = native if _tells_at_start(native, prediction, sigma_data) else from_data(native)
        if not callable(model):
            raise InputError(f"model = {model!r}: expected a function or a module, called as model(x, time)")
        if not (null is None or isinstance(null, Mapping) or _is_finite(null)):
            raise InputError(f"null = {str(null)[:60]}: expected a dict of conditions by name, or a number")
        self.null: Mapping[str, Any] | float = dict(null or {}) if null is None or isinstance(null, Mapping) else null
        self.guidance, self.shape, self.sigma_data = self._weight(guidance), _shape(shape), sigma_data
        if not (_is_finite(sigma_data) and sigma_data > 0):
            raise InputError(f"sigma_data = {sigma_data!r}: expected a finite number > 0")
        if device is not None:
            named_device(device)
        self._time = _clock(time, self.native) if isinstance(time, str) else time
        if not callable(self._time):
            raise InputError(f"time = {time!r}: expected an expression in t, alpha and beta, or a function of times")
        self._dtype, self._device, self.calibration = dtype, device, calibration

    def _line(self) -> str:
        return f"FlowField({', '.join(f'{name}={value}' for name, value in self._told().items())})"

    def _table(self) -> Table:
        return ("", "FlowField"), list(self._told().items())

    def _told(self) -> dict[str, str]:
        kind = self.model if isinstance(self.model, FunctionType | type) else type(self.model)
        told = {"model": kind.__name__, "schedule": clipped(self.native), "prediction": self.prediction}
        null = ", ".join(self.null) or None if isinstance(self.null, Mapping) else self.null
        given = {"shape": self.shape, "guidance": self.guidance, "null": null}
        return told | {name: str(value) for name, value in given.items() if value is not None}

    # -- the model -------------------------------------------------------------------------------------------------

    @cached_property
    def _parameter(self) -> Any:
        parameters = getattr(self.model, "parameters", None)
        return next(iter(parameters()), None) if callable(parameters) else None

    @property
    def has_parameters(self) -> bool:
        """Whether the model is a module whose parameters live on a device."""
        return self._parameter is not None

    @property
    def dtype(self) -> Any:
        """Dtype of the model's input."""
        found = self._parameter
        return self._dtype or (torch.float32 if found is None else found.dtype)

    @property
    def device(self) -> Any:
        """Device of the model's input."""
        found = self._parameter
        return torch.device(self._device or ("cpu" if found is None else found.device))

    def model_times(self, times: Array) -> Array:
        """The model's own times at native times.  Raises InputError for a time that is not finite."""
        found = np.asarray(self._time(np.asarray(times)), dtype=np.float64)
        if found.shape not in ((), np.shape(times)):
            raise InputError(f"time: it made shape {found.shape} of {np.shape(times)} native times; expected the same")
        if not np.isfinite(found).all():
            bad = np.asarray(times)[~np.isfinite(np.broadcast_to(found, np.shape(times)))][0]
            raise InputError(f"time: the model's time is infinite or NaN at native time {bad:g}; start a little later")
        return np.broadcast_to(found, np.shape(times))

    def input_scales(self, times: Array) -> Array:
        """What the state is multiplied by before the model sees it: c_in of EDM for prediction edm, else 1."""
        if self.prediction != "edm":
            return np.ones(np.shape(times))
        alpha, beta = self.native.at(times)
        return 1 / np.hypot(alpha, beta * self.sigma_data)

    def relations(self, times: Array) -> list[tuple[float, float]]:
        """(p, q) of η_X = p x + q output at native times."""
        return relation_at(self.native, self.prediction, times, self.sigma_data)

    def output(self, x: Any, time: Any, **conditions: Any) -> Any:
        """The model's answer, guided: x of shape (batch, …), `time` the model's own, of shape (batch,).

        Raises InputError for an answer of another shape or dtype.
        """
        if self.guidance is None:
            return self._checked(self.model(x, time, **conditions), x)
        null = self._null_of(conditions)
        pairs = {key: (value, _everywhere(null.get(key, value), value)) for key, value in (null | conditions).items()}
        for key, pair in pairs.items():
            _require_alike(key, *pair)
        if all(_doubles(*pair) for pair in pairs.values()):
            both = {key: _both(key, *pair, len(x)) for key, pair in pairs.items()}
            answer = self._checked(self.model(torch.cat([x, x]), torch.cat([time, time]), **both), torch.cat([x, x]))
            conditional, null = answer.chunk(2)
        else:
            conditional, null = (
                self._checked(self.model(x, time, **{key: pair[half] for key, pair in pairs.items()}), x)
                for half in (0, 1)
            )
        return torch.lerp(null, conditional, self.guidance)

    def ask(self, x: Any, clock: Any, scale: Any, conditions: Mapping[str, Any]) -> Any:
        """The answer at the model's own time `clock`, to scale · x in the field's dtype; autograd sees all three."""
        time = torch.as_tensor(clock, dtype=_time_dtype(self.dtype), device=x.device).expand(len(x))
        return self.output((scale * x).to(self.dtype), time, **conditions)

    def guided(self, guidance: float | None) -> FlowField:
        """The same field with another weight of guidance; None for none.  Raises InputError where there is no null."""
        other = copy(self)
        other.guidance = self._weight(guidance)
        return other

    def _weight(self, guidance: Any) -> float | None:
        if guidance is None:
            return None
        if not _is_finite(guidance):
            raise InputError(f"guidance = {guidance!r}: expected a finite number")
        if isinstance(self.null, Mapping) and not self.null:
            raise InputError(f"guidance = {guidance} without null: give the unconditional inputs, null={{'y': …}}")
        return guidance

    def _null_of(self, conditions: Mapping[str, Any]) -> dict[str, Any]:
        """The null conditions by name.  Raises InputError where none of the given ones has one."""
        null = self.null
        if not isinstance(null, Mapping):
            if len(conditions) > 1:
                names = ", ".join(conditions)
                raise InputError(f"null = {null} for the conditions {names}: say of which, null={{name: {null}}}")
            null = dict.fromkeys(conditions, null)
        if not null.keys() & conditions.keys():
            raise InputError(
                f"guidance = {self.guidance} without conditions: both halves would be the null one; give conditions"
                f"{' with ' * bool(null)}{', '.join(null)}, or a field without guidance"
            )
        return dict(null)

    def _checked(self, answer: Any, x: Any) -> Any:
        if not isinstance(answer, torch.Tensor):
            raise InputError(f"the model returned {type(answer).__name__}: expected a tensor (wrap it to return one)")
        if answer.shape != x.shape:
            raise InputError(f"the model returned shape {tuple(answer.shape)} for {tuple(x.shape)}: expected the same")
        if answer.dtype != x.dtype and not torch.is_autocast_enabled(x.device.type):
            raise InputError(f"the model returned {answer.dtype} for {x.dtype}: expected the same (or set dtype=…)")
        return answer

    def compiled(self, **options: Any) -> FlowField:
        """The same field with its model compiled by torch."""
        other = copy(self)
        other.model = torch.compile(self.model, **options)
        return other

    # -- fields ----------------------------------------------------------------------------------------------------

    def data(self, x: Any, time: float, **conditions: Any) -> Any:
        """η_X(t, x) = E[X | I_t = x] at native time t, in x's dtype."""
        return Asker(self, np.array([float(time)])).data(0, x, conditions)

    def velocity(self, x: Any, time: float, **conditions: Any) -> Any:
        """b(t, x) = α̇ η_Z + β̇ η_X, the drift of the ODE."""
        return self._predict("velocity", x, float(time), conditions)

    def noise(self, x: Any, time: float, **conditions: Any) -> Any:
        """η_Z(t, x) = E[Z | I_t = x]."""
        return self._predict("noise", x, float(time), conditions)

    def score(self, x: Any, time: float, **conditions: Any) -> Any:
        """∇ log p_t(x) = −η_Z/α."""
        return self._predict("score", x, float(time), conditions)

    def _predict(self, name: str, x: Any, time: float, conditions: Mapping[str, Any]) -> Any:
        asker = Asker(self, np.array([time]))
        if name == self.prediction:
            return asker.combined(0, x, (0.0, 1.0), conditions)
        ((p, q),), ((u, w),) = asker.relations, outputs_at(self.native, name, asker.times)
        return asker.combined(0, x, (u + w * p, w * q), conditions)


def _is_finite(number: Any) -> bool:
    return isinstance(number, float | int) and not isinstance(number, bool) and -np.inf < number < np.inf


def named_device(device: Any) -> Any:
    """A torch device by its name.  Raises InputError for one that torch does not know."""
    try:
        return torch.device(device)
    except (RuntimeError, TypeError):
        raise InputError(f"device = {device!r}: expected cpu, cuda or cuda:N") from None


def _time_dtype(dtype: Any) -> Any:
    """Dtype of the model's times: float32 at least, so that 1000 t is not rounded to halves in bfloat16."""
    return torch.promote_types(dtype, torch.float32)


def _doubles(conditional: Any, null: Any) -> bool:
    """Whether one call can be given both: tensors, side by side, or one value that both halves share."""
    if isinstance(conditional, torch.Tensor):
        return null is not None
    return conditional is null and (conditional is None or isinstance(conditional, bool | int | float | str))


def _everywhere(null: Any, conditional: Any) -> Any:
    """A null that is a number, as large as the condition where that has more than one."""
    if not _is_finite(null):
        return null
    if isinstance(conditional, list | tuple) and all(map(_is_finite, conditional)):
        return type(conditional)([null] * len(conditional))
    if isinstance(conditional, np.ndarray) and np.can_cast(np.min_scalar_type(null), conditional.dtype):
        return np.full_like(conditional, null)
    if isinstance(conditional, torch.Tensor) and conditional.ndim > 1:
        fits = conditional.is_floating_point() or float(null).is_integer()
        return torch.full_like(conditional[:1], null) if fits else null
    return null


def _require_alike(key: str, conditional: Any, null: Any) -> None:
    """Refuse a null that cannot stand where the condition stands; None stands for a model's own null."""
    if isinstance(conditional, torch.Tensor):
        fits = null is None or isinstance(null, torch.Tensor | np.ndarray | np.generic | bool | int | float)
    else:
        several = isinstance(conditional, list | tuple | np.ndarray)
        fits = null is None or several == isinstance(null, list | tuple | np.ndarray)
        fits = fits and (not several or null is None or len(conditional) == len(null))
    if not fits:
        raise InputError(
            f"null for {key} is {_brief(null)}, and the condition {_brief(conditional)}: expected the same kind and "
            "size, or None"
        )


def _brief(value: Any) -> str:
    kind = type(value).__name__
    if isinstance(value, torch.Tensor | np.ndarray):
        return f"a {kind} of shape {tuple(value.shape)}"
    return f"a {kind} of {len(value)}" if isinstance(value, list | tuple | str) else f"a {kind}"


def _both(key: str, conditional: Any, null: Any, batch: int) -> Any:
    """A condition for the doubled batch: the conditional half first."""
    if not isinstance(conditional, torch.Tensor):
        return conditional
    halves = (conditional, torch.as_tensor(null).to(conditional.device))
    if halves[0].shape[1:] != halves[1].shape[1:]:
        raise InputError(
            f"null for {key} has shape {tuple(halves[1].shape)}, and the condition {tuple(conditional.shape)}: "
            "expected the same but for the first axis"
        )
    for half in halves:
        if half.ndim and len(half) not in (1, batch):
            raise InputError(
                f"a condition of shape {tuple(half.shape)} for {batch} samples: expected one for each, or one"
            )
    return torch.cat(
        [half if half.ndim and len(half) == batch else half.expand(batch, *half.shape[1:]) for half in halves]
    )


def _shape(shape: Any) -> tuple[int, ...] | None:
    """The shape of a sample, or None."""
    if shape is None:
        return None
    whole = isinstance(shape, Sequence) and all(isinstance(n, int) and n > 0 for n in shape)
    if not whole or not len(shape):
        raise InputError(f"shape = {shape!r}: expected the positive sizes of one sample, such as (3, 32, 32)")
    return tuple(shape)


def _tells_at_start(native: Native, prediction: str, width: float) -> bool:
    """Whether the data can be read off the prediction where the schedule begins."""
    if prediction in ("noise", "score"):
        return native.span[0] > 0
    if not isinstance(native, SymbolicNative) or native.span[0] > 0:
        return True
    try:
        relation_at(native, prediction, np.zeros(1), width)
    except InputError:
        return False
    return True


def _clock(text: str, native: Native) -> Callable[[Array], Array]:
    """The function of native times that `text` writes down; limits at the ends."""
    expression = parse_expression(text, {"t": t, "alpha": _alpha, "beta": _beta})
    if isinstance(native, SymbolicNative):
        own = native.schedule
        formula = expression.subs({_alpha: own.alpha, _beta: own.beta})
        return lambda times: values((formula,), times)[0]
    function = sp.lambdify((t, _alpha, _beta), expression, "numpy")
    return lambda times: np.asarray(function(times, *native.at(times)))
