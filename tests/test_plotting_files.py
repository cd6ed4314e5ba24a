"""Plots: files are whole and the same each time, bad input is one line, and every plot has its command."""

import shlex

import pytest
from matplotlib.figure import Figure

import symsched as ss
from symsched import plotting
from symsched.data import Gaussian
from symsched.errors import InputError

# -- files ------------------------------------------------------------------------------------------------------------

STARTS = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}


@pytest.mark.parametrize("kind", sorted(STARTS))
def test_files_are_of_their_format_whole_and_the_same_each_time(tmp_path, kind):
    files = [plotting.save(plotting.plane(kappa=1, rho=1), tmp_path / f"{k}.{kind}", dpi=60) for k in range(2)]
    assert files[0].read_bytes().startswith(STARTS[kind])
    assert files[0].read_bytes() == files[1].read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"0.{kind}", f"1.{kind}"]


def test_a_failed_write_leaves_the_old_file(tmp_path):
    target = tmp_path / "a.svg"
    target.write_text("old")
    figure = Figure()

    def full(*_args, **_options):
        raise OSError(28, "No space left on device")

    figure.savefig = full
    with pytest.raises(InputError, match="could not be written"):
        plotting.save(figure, target)
    assert target.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.svg"]


def test_fewer_colours_make_a_smaller_png(tmp_path):
    figure = plotting.plane(kappa=[0, 1], rho=[1, 2])
    plain, small = (plotting.save(figure, tmp_path / f"{p}.png", dpi=60, palette=p) for p in (False, True))
    assert small.stat().st_size < plain.stat().st_size


# -- bad input --------------------------------------------------------------------------------------------------------

BAD = [
    (lambda: plotting.families([]), "the list is empty"),
    (lambda: plotting.families(kappa=[]), "the list is empty"),
    (lambda: plotting.families("linaer"), "did you mean linear"),
    (lambda: plotting.families(kappa=-1), "expected a number ≥ 0"),
    (lambda: plotting.families(kappa=float("nan")), "expected a number ≥ 0"),
    (lambda: plotting.families(rho=0), "expected a number > 0"),
    (lambda: plotting.families(kappa=range(13)), "at most 12"),
    (lambda: plotting.families(ss.Schedule("1-t", "t/2")), r"beta\(1\)"),
    (lambda: plotting.families("alpha=a*(1-t); beta=t"), "a"),
    (lambda: plotting.families(3), "expected a list"),
    (lambda: plotting.plane(rho=[]), "the list is empty"),
    (lambda: plotting.claim("C99"), "unknown claim 'C99'"),
    (lambda: plotting.claim([]), "0 claims given"),
    (lambda: plotting.plane(kappa="1e9"), "too large"),
    (lambda: plotting.conversion(targets=[]), "the list is empty"),
    (lambda: plotting.plane(style="poster"), "unknown style 'poster'"),
    (lambda: plotting.plane(legend="left of it"), "unknown legend 'left of it'"),
    (lambda: plotting.plane(title=3), "title = '3': expected text"),
    (lambda: plotting.kl(labels=["one"]), "1 given for 3 schedules"),
    (lambda: plotting.kl(labels="one"), "expected a list of texts"),
    (lambda: plotting.plane(labels=["one"]), "draws no schedules that were given"),
    (lambda: plotting.paths(n_paths=0), "n_paths = 0: expected a whole number"),
    (lambda: plotting.paths(steps=10**9), "expected a whole number from 10"),
    (lambda: plotting.paths(data=Gaussian([0, 0], 1)), "2 dimensions"),
    (lambda: plotting.paths(data=7), "should be a data law"),
    (lambda: plotting.drift(data=[]), "the list is empty"),
    (lambda: plotting.drift(reach=-1), "reach -1: expected a positive"),
    (lambda: plotting.energy(kappa=0), "expected a number > 0"),
    (lambda: plotting.energy(separation=[1]), "expected two or more, up to 20"),
    (lambda: plotting.energy(separation=[1, 21]), "expected two or more, up to 20"),
    (lambda: plotting.spacing(spectrum=[1]), "expected two to 5"),
    (lambda: plotting.spacing(steps=[1, 2]), "keeps nothing"),
    (lambda: plotting.error(steps=[]), "the list is empty"),
    (lambda: plotting.error(steps=[10**7]), "expected a whole number from 1 to 4,096"),
    (lambda: plotting.error(scheme="magic"), "unknown scheme 'magic' .known: euler"),
    (lambda: plotting.error(measures=["l1"]), "one or both of w2 and kl"),
    (lambda: plotting.error(data="empirical([0, 1])"), "needs gaussian"),
    (lambda: plotting.error("linear", kappa=1), "linear, kappa = 1: the slope of the euler step"),
    (lambda: plotting.error(["linear", "vp"], kappa=[0]), "1 given for 2 schedules"),
    (lambda: plotting.law(steps=range(1, 9)), "at most 4 and 6"),
    (lambda: plotting.orders(start=0), "expected a time between 0 and 1"),
    (lambda: plotting.orders(n_paths=10**9), "expected a whole number from 2"),
    (lambda: plotting.guidance(kappa=[1]), "at least three"),
    (lambda: plotting.guidance(weight=0), "expected a number > 0"),
    (lambda: plotting.guidance("gaussian(0, 2)", weight=1), "grows without bound"),
    (lambda: plotting.start(kappa=[1]), "1 kappa and 7 numbers of steps"),
    (lambda: plotting.start(steps=[2, 4]), "two and six at least"),
    (lambda: plotting.kl(kappa=[1]), "at least three"),
    (lambda: plotting.kl(model="gaussian(0, 1)"), "equal to the data"),
    (lambda: plotting.plane(ax=[1, 2]), "pass 1 matplotlib axes"),
    (lambda: plotting.plane(ax=3), "matplotlib axes"),
    (lambda: plotting.resize(Figure(), (1e9, 4)), "from 1 to 60 inches"),
    (lambda: plotting.save(Figure(), "a.gif"), "end it in .png, .svg or .pdf"),
    (lambda: plotting.save(Figure(), "a"), "has no ending"),
    (lambda: plotting.save(Figure(), "no/such/folder/a.svg"), "could not be written"),
    (lambda: plotting.save(Figure(), "a.png", dpi=10**9), "30 to 1200"),
    (lambda: plotting.save(Figure(figsize=(60, 60)), "a.png", dpi=1200), "100 million"),
]


@pytest.mark.parametrize(("call", "message"), BAD)
def test_bad_input_is_one_line(call, message):
    with pytest.raises(InputError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


# -- the command line -------------------------------------------------------------------------------------------------


@pytest.fixture
def cli(capsys):
    from symsched.cli.app import run

    def call(*args):
        code = run(args)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


COMMANDS = [
    ("families", "--kappa", "0,0.25,1,4", "--rho", "1"),
    ("plane", "--kappa", "0,1,inf", "--rho", "1"),
    ("claim", "C21"),
    ("conversion", "--from", "linear", "--to", "vp", "--to", "follmer"),
    ("paths", "--steps", "40", "--paths", "2", "--no-field"),
    ("energy", "--kappa", "1", "--separation", "0,2"),
    ("error", "--schedule", "linear", "--steps", "1,2,4", "--size", "8x4"),
    ("law", "--schedule", "linear", "--steps", "2"),
    ("spacing", "--rho", "1,2", "--steps", "2,4"),
    ("guidance", "--weight", "1", "--kappa", "1/2,1,2"),
    ("start", "--kappa", "1/2,2", "--steps", "4,8,16,32,64,128"),
    ("kl", "--schedule", "linear", "--kappa", "1/2,1,2"),
]


@pytest.mark.parametrize("args", COMMANDS, ids=lambda args: args[0])
def test_each_plot_writes_its_file(cli, tmp_path, args):
    target = tmp_path / "figure.svg"
    assert cli("plot", *args, "-o", str(target)) == (0, "", "")
    assert target.read_bytes().startswith(b"<?xml")


def test_size_is_that_of_the_file(cli, tmp_path):
    import struct

    target = tmp_path / "a.png"
    assert cli("plot", "plane", "--size", "5x4", "--dpi", "50", "-o", str(target))[0] == 0
    assert struct.unpack(">II", target.read_bytes()[16:24]) == (250, 200)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("familys", "-o", "a.svg"), "unknown plot 'familys'; did you mean families?"),
        (("families",), "Missing option '--output'"),
        (("families", "-o", "a.gif"), "the format 'gif' is not drawn"),
        (("families", "-o", "no/such/a.svg"), "cannot write there"),
        (("families", "-o", "."), "end it in .png"),
        (("families", "--kappa", ",", "-o", "a.svg"), "separated by single commas"),
        (("families", "--schedule", "nope", "-o", "a.svg"), "unknown schedule 'nope'"),
        (("error", "--steps", "1.5", "-o", "a.svg"), "expected whole numbers"),
        (("error", "--steps", "0", "-o", "a.svg"), "expected a whole number from 1"),
        (("plane", "--size", "900x900", "-o", "a.svg"), "from 1 to 60 inches"),
        (("plane", "--size", "big", "-o", "a.svg"), "expected width x height"),
        (("plane", "--dpi", "1e9", "-o", "a.png"), "30 to 1200"),
    ],
)
def test_bad_commands_are_one_line_and_exit_two(cli, tmp_path, monkeypatch, args, message):
    monkeypatch.chdir(tmp_path)
    code, out, err = cli("plot", *args)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_every_plot_has_a_command_whose_help_has_examples_that_are_read(cli):
    """The examples are parsed, not drawn: an option that is gone, or misspelt, is noticed."""
    from typer.main import get_command

    from symsched.cli.plot import plots

    commands = get_command(plots).commands
    assert sorted(commands) == sorted(plotting.PLOTS)
    for name, command in commands.items():
        whole = command.help.replace("\\\n", " ")  # an example may go on in the next line
        lines = [shlex.split(line)[2:] for line in whole.split("\n") if "symsched plot" in line]
        assert lines, name
        for first, *rest in lines:
            assert first == name
            command.make_context(name, rest)
    with pytest.raises(Exception, match="No such option"):
        commands["plane"].make_context("plane", ["--kapa", "1", "-o", "a.svg"])
    code, out, _ = cli("plot", "families", "--help")
    assert code == 0
    assert "--kappa" in out
