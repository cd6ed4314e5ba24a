"""The nodes of integrations/comfyui: on ComfyUI itself where it is found (`comfying`), else by what they say of
themselves."""

from __future__ import annotations

import ast
import asyncio
import importlib
import inspect
import json
import logging
import sys
import tomllib
import types
from pathlib import Path

import comfying
import pytest
from comfying import NODES, conditioning, exact_model
from torched import torch

import symsched as ss
from symsched.bridge import Calibration, FlowField, calibrate, exact_field, sample
from symsched.bridge.planning import LARGEST, blind

WORKFLOWS = sorted((NODES / "example_workflows").glob("*.json"))
SOCKETS = {"MODEL", "GUIDER", "LATENT", "SIGMAS", "SAMPLER", "SYMSCHED_CALIBRATION"}
WIDGETS = {"INT": int, "FLOAT": float, "STRING": str}


@pytest.fixture
def nodes(monkeypatch, tmp_path):
    """Our node classes by name, their files in a folder of the test's own."""
    if comfying.found():
        comfying.engine()
        paths = importlib.import_module("folder_paths")
        monkeypatch.setitem(paths.folder_names_and_paths, "symsched", ([str(tmp_path)], {".json"}))
        monkeypatch.setattr(paths, "models_dir", str(tmp_path))
        monkeypatch.setattr(paths, "filename_list_cache", {})
    else:
        comfying.stand_in(monkeypatch, tmp_path)
    made = comfying.package()
    sys.modules["folder_paths"].folder_names_and_paths["symsched"][0][:] = [str(tmp_path)]
    return made.NODE_CLASS_MAPPINGS


@pytest.fixture
def live(request):
    """The same, where the engine is."""
    comfying.engine()
    return request.getfixturevalue("nodes")


# -- what the nodes say of themselves --------------------------------------------------------------------------------


def inputs_of(node):
    asked = node.INPUT_TYPES()
    return {**asked["required"], **asked.get("optional", {})}


def test_nodes_are_what_the_engine_calls(nodes):
    module = sys.modules[comfying.PACKAGE]
    assert nodes.keys() == module.NODE_DISPLAY_NAME_MAPPINGS.keys()
    assert {node.RETURN_TYPES for node in nodes.values()} == {("SAMPLER",), ("SIGMAS",), ("SYMSCHED_CALIBRATION",)}
    for node in nodes.values():
        asked, given = node.INPUT_TYPES(), inspect.signature(getattr(node, node.FUNCTION)).parameters
        assert list(given) == ["self", *inputs_of(node)]
        assert all(given[name].default is not inspect.Parameter.empty for name in asked.get("optional", {}))
        assert node.CATEGORY.startswith("sampling/")
        assert node.DESCRIPTION.endswith(".")
        for kind, *options in inputs_of(node).values():
            assert isinstance(kind, list) or kind in SOCKETS | WIDGETS.keys()
            if not isinstance(kind, list) and kind in WIDGETS:
                told = options[0]
                assert isinstance(told["default"], WIDGETS[kind])
                assert told.get("min", 0) <= told["default"] <= told.get("max", 1e9) if kind != "STRING" else True


def test_every_solver_that_asks_once_a_step_is_offered(nodes):
    offered = inputs_of(nodes["SymschedSampler"])["solver"][0]
    guest = importlib.import_module("symsched.bridge.adapters.loops").Guest
    native = importlib.import_module("symsched.bridge.levels").as_native("linear")
    left = set(ss.bridge.solvers.HOMES) - set(offered)
    assert left == {"heun", "midpoint"}
    for solver in left:
        with pytest.raises(ss.InputError, match="asks the model more than once a step"):
            guest(native, "data", ss.bridge.Recipe(solver=solver)).plan([0.1, 1.0])


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_fit_together(file, nodes):
    """Each link joins a socket and one of the same type; nodes of ours have their own sockets and widgets."""
    graph = json.loads(file.read_text(encoding="utf-8"))
    by_id = {node["id"]: node for node in graph["nodes"]}
    assert len(by_id) == len(graph["nodes"]) == graph["last_node_id"]
    assert len(graph["links"]) == graph["last_link_id"]
    for number, source, out, target, into, kind in graph["links"]:
        socket, entry = by_id[source]["outputs"][out], by_id[target]["inputs"][into]
        assert number in socket["links"]
        assert entry["link"] == number
        assert socket["type"] == entry["type"] == kind
    for node in graph["nodes"]:
        if node["type"].startswith("Symsched"):
            ours, told = nodes[node["type"]], inputs_of(nodes[node["type"]])
            sockets = {name: kind for name, (kind, *_) in told.items() if isinstance(kind, str) and kind in SOCKETS}
            assert {entry["name"]: entry["type"] for entry in node["inputs"]} == sockets
            assert [out["type"] for out in node["outputs"]] == list(ours.RETURN_TYPES)
            widgets = [kind for kind, *_ in told.values() if not isinstance(kind, str) or kind in WIDGETS]
            for kind, value in zip(widgets, node["widgets_values"], strict=True):
                assert isinstance(value, WIDGETS[kind]) if isinstance(kind, str) else value in kind or not kind
            required = ours.INPUT_TYPES()["required"]
            assert all(entry["link"] for entry in node["inputs"] if entry["name"] in required)


def test_every_node_of_ours_is_in_a_workflow(nodes):
    used = {node["type"] for file in WORKFLOWS for node in json.loads(file.read_text(encoding="utf-8"))["nodes"]}
    assert nodes.keys() <= used


@pytest.mark.usefixtures("nodes")
def test_the_package_says_what_it_needs():
    project = tomllib.loads((NODES / "pyproject.toml").read_text(encoding="utf-8"))
    readme = (NODES / "README.md").read_text(encoding="utf-8")
    assert (NODES / "requirements.txt").read_text(encoding="utf-8").split() == project["project"]["dependencies"]
    assert project["tool"]["comfy"]["DisplayName"]
    assert project["project"]["version"] == ss.__version__
    for name in sys.modules[comfying.PACKAGE].NODE_DISPLAY_NAME_MAPPINGS.values():
        assert f"**{name}**" in readme
    assert {f"example_workflows/{file.name}" for file in WORKFLOWS} <= set(
        readme.replace("(", " ").replace(")", " ").split()
    )
    names = {"symsched", "comfy", "torch", "folder_paths", *sys.stdlib_module_names}
    for file in NODES.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                assert {alias.name.partition(".")[0] for alias in node.names} <= names


@pytest.mark.usefixtures("nodes")
def test_without_symsched_one_line_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "symsched", None)
    with pytest.raises(ImportError, match=r"ComfyUI's own Python: .*-m pip install 'symsched\[torch\]'$"):
        comfying.package()


# -- ten typical mistakes, and more: one line each -------------------------------------------------------------------


def known_of(nodes, made_for=None, **options):
    """A calibration of a plane's law, as the nodes hold it."""
    law = ss.Gaussian(0.2, 0.5)
    found = calibrate(exact_field(law), 16, **{"steps": (4, 6), "tries": 2, "pilot_steps": 24} | options)
    return sys.modules[nodes["SymschedSampler"].__module__].Known(found, made_for or {})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("lazy-auto", "lazi(kappa=0)", 0.0), "lazi"),
        (("lazy-auto", "alpha=1-t", 0.0), "beta"),
        (("lazy-auto", "__import__('os')", 0.0), "quotes are not allowed"),
        (("lazy-auto", "auto", -1.0), r"kappa = -1.*≥ 0"),
        (("lazyauto", "auto", 0.0), "solver 'lazyauto'"),
    ],
)
def test_a_sampler_is_refused_at_its_own_node(nodes, given, said):
    with pytest.raises(ss.InputError, match=said) as refused:
        nodes["SymschedSampler"]().get_sampler(*given)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("given", [("deis", "auto", 0.0), ("lazy-auto", "vp", 0.0), ("lazy-auto", "auto", 1.0)])
def test_a_calibration_beside_what_it_is_not_for_is_refused(nodes, given):
    with pytest.raises(ss.InputError, match="its tables are for target auto, kappa 0 and lazy-auto; leave either away"):
        nodes["SymschedSampler"]().get_sampler(*given, known_of(nodes))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"steps": "4; 6"}, r"steps = '4; 6': expected whole numbers from 1 to 1000, such as 4, 6, 8"),
        ({"steps": ""}, "steps = '': expected"),
        ({"steps": "0"}, "steps = '0': expected"),
        ({"name": "../mine"}, r"name = '../mine': expected a plain file name"),
        ({"name": "  "}, "name = '': expected a plain file name"),
        ({"budget": 500}, r"budget = 500: 8 paths of 64 .* are 768; take as many, or fewer paths or steps"),
    ],
)
def test_a_calibration_is_refused_before_the_model_is_loaded(nodes, given, said):
    asked = {"guider": None, "latent_image": None, "steps": "8", "paths": 8, "budget": 2000, "name": "x"} | given
    with pytest.raises(ss.InputError, match=said):
        nodes["SymschedCalibrate"]().calibrate(**asked)


def test_files_that_are_none_are_refused(nodes, tmp_path):
    load = nodes["SymschedLoadCalibration"]
    assert load.VALIDATE_INPUTS("gone.json") == (
        "no 'gone.json' in models/symsched: run 'Calibrate Lazy Sampler', or put the file there"
    )
    for text in ("", "[]", '{"format": 1}', "\udcff"):
        (tmp_path / "bad.json").write_bytes(text.encode(errors="surrogateescape"))
        assert load.VALIDATE_INPUTS("bad.json") is True
        with pytest.raises(ss.InputError, match="not a calibration"):
            load().load("bad.json")


def test_a_calibration_in_a_file_is_one_for_symsched_too(nodes, tmp_path):
    known = known_of(nodes, {"model": "Flux 123", "guidance": 3.5, "latent": [1]})
    known.save(tmp_path / "deep" / "model.json")
    known.save(tmp_path / "model.json")
    (again,) = nodes["SymschedLoadCalibration"]().load("model.json")
    assert again.made_for == known.made_for
    plain = Calibration.load(tmp_path / "model.json")
    first, *others = (json.dumps(one.to_json()) for one in (known.calibration, plain, again.calibration))
    assert others == [first, first]
    when = nodes["SymschedLoadCalibration"].IS_CHANGED("model.json")
    plain.save(tmp_path / "model.json")
    assert nodes["SymschedLoadCalibration"]().load("model.json")[0].made_for == {}
    assert nodes["SymschedLoadCalibration"].IS_CHANGED("model.json") != when


# -- on the engine itself --------------------------------------------------------------------------------------------


class Run:
    """The nodes in the engine's own sampling."""

    def __init__(self, nodes, model, cfg=1.0, means=(0.3, -0.2)):
        self.comfy, self.nodes, self.model = comfying.engine(), nodes, model
        self.guider = self.comfy.samplers.CFGGuider(model)
        self.guider.set_conds(*map(conditioning, means))
        self.guider.set_cfg(cfg)
        self.mean = means[1] + cfg * (means[0] - means[1])

    def sigmas(self, steps, denoise=1.0, known=None):
        return self.nodes["SymschedSigmas"]().get_sigmas(self.model, steps, denoise, known)[0]

    def __call__(self, sigmas, known=None, how=("lazy-auto", "auto", 0.0), latent=None, noise=None, **options):
        latent = torch.zeros(3, 4, 6, 8) if latent is None else latent
        self.noise = self.comfy.sample.prepare_noise(latent, 5) if noise is None else noise
        (sampler,) = self.nodes["SymschedSampler"]().get_sampler(*how, known)
        return self.guider.sample(self.noise, latent, sampler, sigmas, **{"seed": 5} | options)

    def state(self, sigma, latent=0.0):
        """What the engine begins with."""
        known = self.model.get_model_object("model_sampling")
        flow = isinstance(known, self.comfy.model_sampling.CONST)
        if flow:
            return sigma * self.noise + (1 - sigma) * latent, 1 - sigma
        full = sigma >= float(known.sigma_max) * (1 - 1e-5)
        return (1 + sigma**2) ** 0.5 * self.noise + latent if full else sigma * self.noise + latent, 1.0

    def known_end(self, sigma, state, beta, std=0.5):
        """Where the ODE leads from a state, for Gaussian data (theory C2)."""
        return self.mean + std * (state - beta * self.mean) / (sigma**2 + (beta * std) ** 2) ** 0.5

    def calibrate(self, steps="4, 6", latent=None, name="known", budget=1200, paths=8):
        latent = torch.zeros(4, 4, 6, 8) if latent is None else latent
        node = self.nodes["SymschedCalibrate"]()
        return node.calibrate(self.guider, {"samples": latent}, steps, paths, budget, name)[0]


def rms(a, b):
    return float((a.double() - b.double()).square().mean().sqrt())


KINDS = {"EPS": {}, "V_PREDICTION": {}, "EDM": {"sigma_max": 80.0}, "FLOW": {"shift": 3.0}, "FLUX": {}}
NETWORKS = {
    "exact EPS": lambda: exact_model("EPS"),
    "exact flow": lambda: exact_model("FLOW", shift=3.0),
    "UNet EPS": lambda: comfying.unet("EPS"),
    "UNet V": lambda: comfying.unet("V_PREDICTION"),
    "Flux": comfying.transformer,
}


@pytest.mark.parametrize("network", NETWORKS)
def test_the_same_noise_is_the_same_image_as_symsched_makes_alone(live, network):
    """With guidance, through the engine's loop, and by `sample` on the bare network."""
    run = Run(live, NETWORKS[network](), cfg=2.0)
    sigmas = run.sigmas(6)
    made = run(sigmas)
    model, flow = run.model.model, float(sigmas[0]) == 1

    def denoise(x, sigma):
        told = [{"c_crossattn": pair[0][0].expand(len(x), -1, -1)} for pair in map(conditioning, (0.3, -0.2))]
        if network == "Flux":
            told = [one | {"y": torch.full((len(x), 6), mean)} for one, mean in zip(told, (0.3, -0.2), strict=True)]
            told = [one | {"guidance": torch.full((len(x),), 3.5)} for one in told]
        positive, negative = (model.apply_model(x, sigma, **one) for one in told)
        return negative + 2.0 * (positive - negative)

    schedule = sys.modules[f"{comfying.PACKAGE}.engine"].schedule_of(model.model_sampling)
    field = FlowField(denoise, schedule, "data", time="alpha" if flow else "alpha/beta", shape=(4, 6, 8))
    state, _ = run.state(float(sigmas[0]))
    want = sample(field, noise=state / float(sigmas[0]), recipe=blind(6, LARGEST))
    assert rms(made, model.process_latent_out(want)) < 2e-5 * float(want.std())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cfg", [1.0, 2.0])
def test_gaussian_latents_come_to_their_known_end(live, kind, cfg):
    run = Run(live, exact_model(kind, **KINDS[kind]), cfg=cfg)
    sigmas = run.sigmas(64)
    assert rms(run(sigmas), run.known_end(float(sigmas[0]), *run.state(float(sigmas[0])))) < 4e-3


@pytest.mark.parametrize("shape", [(1, 4, 5, 7), (2, 4, 3, 4, 6), (2, 4, 40)])
def test_latents_of_images_videos_and_sound(live, shape):
    run = Run(live, exact_model("FLOW"))
    made = run(run.sigmas(48), latent=torch.zeros(shape))
    assert made.shape == shape
    assert rms(made, run.known_end(1.0, run.noise, 0.0)) < 8e-3


@pytest.mark.parametrize("kind", ["EPS", "FLOW"])
def test_image_to_image_goes_on_from_the_image(live, kind):
    run = Run(live, exact_model(kind))
    sigmas, latent = run.sigmas(32, denoise=0.5), torch.full((2, 4, 6, 8), 0.7)
    assert torch.equal(sigmas, run.sigmas(64)[-33:])
    made = run(sigmas, latent=latent)
    assert rms(made, run.known_end(float(sigmas[0]), *run.state(float(sigmas[0]), latent))) < 4e-3
    assert len(run.sigmas(8, denoise=0.0)) == 0
    assert torch.equal(run(run.sigmas(8, denoise=0.0), latent=latent), latent)


@pytest.mark.parametrize("known", [False, True])
def test_inpainting_keeps_what_is_not_painted(live, known):
    run = Run(live, exact_model("FLOW"))
    mask, latent = torch.zeros(1, 1, 6, 8), torch.full((1, 4, 6, 8), 0.7)
    mask[..., :4] = 1
    found = run.calibrate() if known else None
    made = run(run.sigmas(6, known=found), found, latent=latent, denoise_mask=mask)
    assert torch.allclose(made[..., 4:], latent[..., 4:], atol=1e-5)
    assert rms(made[..., :4], latent[..., :4]) > 0.1


@pytest.mark.parametrize("kind", ["EPS", "FLOW"])
def test_a_run_in_two_parts_is_a_run(live, kind):
    """As with two experts, high noise and low: the second has no noise of its own."""
    run = Run(live, exact_model(kind))
    sigmas = run.sigmas(64)
    whole = run(sigmas)
    half = run(sigmas[:33])
    assert rms(run(sigmas[32:], latent=half, noise=torch.zeros_like(half)), whole) < 3e-3


def test_noise_belongs_to_the_seed(live):
    run, how = Run(live, exact_model("FLOW")), ("lazy-auto", "auto", 1.0)
    sigmas = run.sigmas(8)
    assert torch.equal(run(sigmas, how=how), run(sigmas, how=how))
    assert rms(run(sigmas, how=how), run(sigmas, how=how, seed=6)) > 0.05
    assert torch.equal(run(sigmas), run(sigmas, seed=6))
    wide = run(run.sigmas(64), how=("lazy", "lazy(kappa=1)", 1.0), latent=torch.zeros(8, 4, 16, 16))
    assert float(wide.std()) == pytest.approx(0.5, abs=0.02)


def test_previews_see_each_step(live):
    run, seen = Run(live, exact_model("EPS")), []
    made = run(run.sigmas(5), callback=lambda step, denoised, x, total: seen.append((step, denoised, x, total)))
    assert [(step, total) for step, *_, total in seen] == [(k, 5) for k in range(5)]
    assert all(denoised.shape == x.shape == made.shape for _, denoised, x, _ in seen)
    away = [rms(denoised, made) for _, denoised, *_ in seen]
    assert away == sorted(away, reverse=True)


def test_interrupting_stops_a_run_and_a_calibration(live, monkeypatch):
    """As the page's button does: the engine's progress bar raises at its next move."""
    run = Run(live, exact_model("EPS"))
    management, shown = run.comfy.model_management, []

    def hook(now, *_, **__):
        management.throw_exception_if_processing_interrupted()
        shown.append(now)
        if now == stop:
            management.interrupt_current_processing()

    monkeypatch.setattr(run.comfy.utils, "PROGRESS_BAR_HOOK", hook)
    callback = importlib.import_module("latent_preview").prepare_callback(run.model, 8)
    sigmas, stop = run.sigmas(8), 3
    with pytest.raises(management.InterruptProcessingException):
        run(sigmas, callback=callback)
    assert shown == [1, 2, 3]
    stop = 12
    with pytest.raises(management.InterruptProcessingException):
        run.calibrate(name="stopped")
    assert run.nodes["SymschedLoadCalibration"].VALIDATE_INPUTS("stopped.json") is not True
    stop = None
    assert torch.isfinite(run(sigmas, callback=callback)).all()


@pytest.mark.parametrize("network", ["exact EPS", "exact flow", "Flux"])
def test_a_calibrated_run_is_symscheds_and_nearer(live, network, monkeypatch):
    run, shown = Run(live, NETWORKS[network](), cfg=2.0), []
    monkeypatch.setattr(run.comfy.utils, "PROGRESS_BAR_HOOK", lambda now, total, *_, **__: shown.append((now, total)))
    known = run.calibrate(steps="4, 6" if network == "exact flow" else "4")
    assert shown[-1] == (shown[-1][1], shown[-1][1])
    assert sorted(shown) == shown
    assert 4 in known.calibration.tables
    assert known.calibration.pilot["evaluations"] * 8 <= 1200
    (again,) = live["SymschedLoadCalibration"]().load("known.json")
    assert again.made_for == known.made_for == {"model": known.made_for["model"], "guidance": 2.0, "latent": [4, 6, 8]}
    fine = run(run.sigmas(200))
    if network != "Flux":
        sigma = float(run.sigmas(4)[0])
        fine = run.known_end(sigma, sigma * run.noise, 0.0 if sigma == 1 else 1.0)
    made, blindly = run(run.sigmas(4, known=known), known), run(run.sigmas(4))
    assert rms(made, fine) < rms(blindly, fine) / 3
    assert rms(run(run.sigmas(4, known=again), again), made) < 1e-3


def test_a_calibration_of_something_else_is_told_in_one_line(live, caplog):
    run = Run(live, exact_model("FLOW"), cfg=2.0)
    known = run.calibrate(steps="4")
    sigmas = run.sigmas(4, known=known)
    with caplog.at_level(logging.WARNING):
        run(sigmas, known)
        assert not caplog.records
        Run(live, exact_model("FLOW", std=0.9), cfg=3.0)(sigmas, known, latent=torch.zeros(1, 4, 6, 8))
    (record,) = caplog.records
    assert record.getMessage().startswith("symsched: this calibration was made for another model BaseModel ")
    assert "; guidance 2.0, here 3.0: " in record.getMessage()
    with pytest.raises(ss.InputError, match=r"of latents \[4, 6, 8\], and here they are \[4, 9, 9\]: run 'Calibrate"):
        run(sigmas, known, latent=torch.zeros(1, 4, 9, 9))


def test_a_model_is_known_by_its_weights_and_patches(live):
    engine = sys.modules[f"{comfying.PACKAGE}.engine"]
    one, same, other = comfying.unet(), comfying.unet(), comfying.unet(seed=1)
    first = engine.fingerprint(one)
    assert first == engine.fingerprint(same) != engine.fingerprint(other)
    half = comfying.unet()
    half.model.diffusion_model.half()
    assert engine.fingerprint(half) == first
    key, weight = next(iter(same.model.diffusion_model.named_parameters()))
    same.add_patches({f"diffusion_model.{key}": (torch.ones_like(weight),)}, 0.5)
    strong = engine.fingerprint(same)
    assert strong != first
    Run(live, same)(Run(live, same).sigmas(2))
    assert engine.fingerprint(same) == strong  # loaded, with the patches in its weights


@pytest.fixture(scope="module")
def fitted():
    """One calibration of an exact flow, for several tests."""
    kept = []

    def known(run):
        kept[:] = kept or [run.calibrate(steps="4", budget=768).calibration]
        return sys.modules[f"{comfying.PACKAGE}.engine"].Known(kept[0], {})

    return known


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda run, known: run(run.sigmas(4), known), "not the levels that the calibration fitted for any of 4 steps"),
        (lambda run, known: run.sigmas(5, known=known), r"steps = 5: the calibration has levels for 4 steps"),
        (lambda run, known: run.sigmas(4, 0.7, known), r"at denoise = 0.7, the last of 5 levels: the calibration has"),
        (
            lambda run, _: run.sigmas(1000, 0.01),
            "are the last of 100000 levels: expected at most 10000",
        ),
        (lambda run, _: run(run.sigmas(4).flip(0)), "decrease strictly"),
        (lambda run, _: run(torch.tensor([14.6, 1.0, 0.0])), "a flow's noise level is at most 1"),
        (lambda run, _: run(run.sigmas(4), how=("deis", "auto", 1.0)), "solver deis is for the ODE, and kappa = 1"),
        (lambda run, _: run(run.sigmas(4), latent=torch.full((1, 4, 6, 8), torch.nan)), "NaN or infinity"),
    ],
)
def test_mistakes_in_a_run_are_one_line(live, fitted, change, said):
    run = Run(live, exact_model("FLOW"))
    known = fitted(run)
    with pytest.raises(ss.InputError, match=said) as refused:
        change(run, known)
    assert "\n" not in str(refused.value)


# -- in the engine's graphs ------------------------------------------------------------------------------------------


def prompt_of(graph, classes):
    """What the page sends for a workflow: inputs by name, from links and from the widgets in their order."""
    links, prompt = {number: [str(source), out] for number, source, out, *_ in graph["links"]}, {}
    for node in graph["nodes"]:
        linked = {entry["name"]: entry["link"] for entry in node["inputs"]}
        asked, values, inputs = classes[node["type"]].INPUT_TYPES(), iter(node["widgets_values"]), {}
        for name, (_, *options) in {**asked.get("required", {}), **asked.get("optional", {})}.items():
            if name in linked:
                inputs |= {name: links[linked[name]]} if linked[name] else {}
            else:
                inputs[name] = next(values)
                if options and options[0].get("control_after_generate"):
                    next(values)
        assert not list(values)
        prompt[str(node["id"])] = {"class_type": node["type"], "inputs": inputs}
    return prompt


@pytest.fixture
def graphs(live, monkeypatch):
    """The engine's executor, our nodes in it; a tiny flow model and texts as they come in the place of files."""
    theirs, execution = importlib.import_module("nodes"), importlib.import_module("execution")
    asyncio.run(theirs.load_custom_node(str(Path(theirs.__file__).parent / "comfy_extras" / "nodes_custom_sampler.py")))
    made = {"images": [], "models": [exact_model("FLOW")]}

    def node(asked, returns, function, output=False):
        told = {"RETURN_TYPES": returns, "FUNCTION": "run", "CATEGORY": "test", "OUTPUT_NODE": output}
        return type("Node", (), told | {"INPUT_TYPES": classmethod(lambda _: {"required": asked}), "run": function})

    text = {"text": ("STRING", {}), "clip": ("CLIP",)}
    parts = {
        "CheckpointLoaderSimple": node(
            {"ckpt_name": ("STRING", {})}, ("MODEL", "CLIP", "VAE"), lambda _, **__: (made["models"][0], "clip", "vae")
        ),
        "CLIPTextEncode": node(text, ("CONDITIONING",), lambda _, text, **__: (conditioning(len(text) / 100),)),
        "EmptyLatentImage": node(
            {name: ("INT", {}) for name in ("width", "height", "batch_size")},
            ("LATENT",),
            lambda _, width, height, batch_size: (
                {"samples": torch.zeros(batch_size, 4, height // 128, width // 128)},
            ),
        ),
        "VAEDecode": node({"samples": ("LATENT",), "vae": ("VAE",)}, ("IMAGE",), lambda _, samples, **__: (samples,)),
        "SaveImage": node(
            {"images": ("IMAGE",), "filename_prefix": ("STRING", {})},
            (),
            lambda _, images, **__: made["images"].append(images["samples"]) or {},
            output=True,
        ),
    }
    for name, one in {**live, **parts}.items():
        monkeypatch.setitem(theirs.NODE_CLASS_MAPPINGS, name, one)
    server = types.SimpleNamespace(client_id=None, last_node_id=None, send_sync=lambda *_: None)
    executor = execution.PromptExecutor(server)

    def run(name, **changes):
        """The images, or the error that the page shows."""
        graph = json.loads((NODES / "example_workflows" / f"{name}.json").read_text(encoding="utf-8"))
        prompt = prompt_of(graph, theirs.NODE_CLASS_MAPPINGS)
        for one in prompt.values():
            one["inputs"] |= {key: value for key, value in changes.items() if key in one["inputs"]}
        valid, error, outputs, told = asyncio.run(execution.validate_prompt("1", prompt, None))
        if not valid:
            return error, told
        executor.execute(prompt, "1", {}, outputs)
        failed = [data for event, data in executor.status_messages if event == "execution_error"]
        return failed[0] if failed else made["images"].pop() if made["images"] else None

    return run


def test_the_workflows_run(graphs, tmp_path):
    blindly = graphs("lazy")
    assert blindly.shape == (1, 4, 8, 8)
    assert torch.isfinite(blindly).all()
    assert graphs("calibrated")[1]["1"]["errors"][0]["details"].startswith(
        "calibration - no 'my_model.json' in models/"
    )
    assert graphs("calibrate", budget=768) is None
    assert Calibration.load(tmp_path / "my_model.json").tables.keys() == {8}
    made, fine = graphs("calibrated"), graphs("lazy", steps=200)
    assert rms(made, fine) < rms(blindly, fine) / 10


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"target": "lazi(kappa=0)"}, "did you mean lazy"),
        ({"kappa": 1.0, "solver": "deis"}, "take kappa = 0, or one of em, lazy, ddim, sde-dpmpp"),
    ],
)
def test_the_page_shows_the_one_line(graphs, changes, said):
    failed = graphs("lazy", **changes)
    assert failed["exception_type"].endswith("InputError")
    assert said in failed["exception_message"]
    assert "\n" not in failed["exception_message"].strip()
