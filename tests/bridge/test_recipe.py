"""A recipe says what `sample`'s keywords say; the signature is written once, in the fields of its classes."""

import dataclasses
import inspect
import re

import pytest

torch = pytest.importorskip("torch")

import symsched as ss  # noqa: E402
from symsched.bridge import FlowField, Recipe, build_plan, exact_field, sample  # noqa: E402
from symsched.bridge.keywords import keywords_of  # noqa: E402
from symsched.bridge.running import Running  # noqa: E402

FIELD = FlowField(lambda x, _: 0.3 * x, "linear", "data", shape=(2,))
WORDS = [word.name for word in dataclasses.fields(Recipe)]
TOLD = [{}, {"steps": 4, "solver": "ab2c", "grid": "angle(rho=2)"}, {"target": "vp", "kappa": 1, "solver": "sde-dpmpp"}]


@pytest.mark.parametrize("told", TOLD, ids=str)
def test_a_recipe_is_its_keywords(told):
    recipe = Recipe(**told)
    right = sample(FIELD, 3, seed=5, **told)
    assert torch.equal(sample(FIELD, 3, seed=5, recipe=recipe), right)
    assert torch.equal(sample(FIELD, 3, seed=5, plan=recipe.plan_for("linear", 2)), right)
    assert recipe.plan_for("linear", 2) == build_plan("linear", **told, size=2)
    other = dataclasses.replace(recipe, steps=recipe.steps + 1)
    assert not torch.equal(sample(FIELD, 3, seed=5, recipe=other), right)  # the twin


def test_a_recipe_calibrates_as_the_keyword_does():
    def found(**options):
        return sample(exact_field(ss.Gaussian(0, 0.5)), 4, seed=1, **options)

    assert torch.equal(found(recipe=Recipe(steps=3, calibration=True)), found(steps=3, calibration=True))


@pytest.mark.parametrize("name", WORDS)
def test_a_keyword_beside_a_recipe_is_refused_whatever_it_says(name):
    with pytest.raises(ss.InputError, match=f"recipe and {name}: a recipe has them already"):
        sample(FIELD, 3, recipe=Recipe(), **{name: getattr(Recipe, name)})


def test_a_recipe_beside_a_plan_is_refused():
    with pytest.raises(ss.InputError, match="plan and recipe: a plan has them already"):
        sample(FIELD, 3, plan=build_plan("linear"), recipe=Recipe())


def test_steps_beside_a_plan_are_its_own_or_refused():
    plan = build_plan("linear", steps=4)
    assert sample(FIELD, 3, plan=plan, steps=4, kappa=0, calibration=False).shape == (3, 2)
    with pytest.raises(ss.InputError, match="plan and steps"):
        sample(FIELD, 3, plan=plan, steps=Recipe.steps)  # the default, but said


@pytest.mark.parametrize("wrong", ["ab2c", {"steps": 4}, 4])
def test_what_is_no_recipe_is_refused(wrong):
    with pytest.raises(ss.InputError, match="expected a Recipe"):
        sample(FIELD, 3, recipe=wrong)


@pytest.mark.parametrize("wrong", [True, "model.json", 3])
def test_a_plan_takes_calibrations_that_are_made(wrong):
    with pytest.raises(ss.InputError, match=r"calibration = .*: expected a Calibration"):
        build_plan("linear", calibration=wrong)
    assert build_plan("linear", calibration=False) == build_plan("linear")


def test_the_signature_and_the_help_are_those_of_the_classes():
    face = inspect.signature(sample)
    assert list(face.parameters)[:2] == ["field", "shape"]
    fields = {word.name: word.default for kind in (Recipe, Running) for word in dataclasses.fields(kind)}
    more = {"field": inspect.Parameter.empty, "shape": None, "recipe": None, "plan": None, "guidance": None}
    assert {name: p.default for name, p in face.parameters.items()} == fields | more
    assert list(inspect.signature(build_plan).parameters)[1:] == [*WORDS, "size"]
    for name in [*fields, *more]:
        assert re.search(rf"^ {{8}}(\w+, )*{name}(, \w+)*: ", sample.__doc__, re.MULTILINE), name


def test_a_misspelt_keyword_is_told_by_the_functions_name():
    with pytest.raises(TypeError, match=r"sample\(\) got an unexpected keyword argument 'stepz'"):
        sample(FIELD, 3, stepz=4)
    with pytest.raises(TypeError, match=r"sample\(\) missing a required argument: 'field'"):
        sample()
    assert sample(field=FIELD, shape=3, seed=0).shape == (3, 2)


def test_what_was_not_said_is_not_made_up():
    @dataclasses.dataclass
    class Two:
        one: int = 1
        other: int = 2

    @keywords_of(Two)
    def told(first, given):
        return first, given

    assert told("a") == ("a", {})
    assert told("a", other=2) == ("a", {"other": 2})
