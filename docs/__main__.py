"""Build the site, offline, with warnings as errors.

python -m docs                  # docs/_build/html, with the explorer and a fresh verification report
python -m docs --quick          # without those two
python -m docs --notebooks      # no site: run the notebooks' scripts, and keep what they showed
"""

import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
EXTRA, SITE = HERE / "_extra", HERE / "_build" / "html"


def main(arguments: list[str]) -> int:
    """Exit code of the build."""
    if "--notebooks" in arguments:
        sys.path[:0] = [str(HERE / "_ext")]
        from notebooks import write

        write()
        return 0
    shutil.rmtree(EXTRA, ignore_errors=True)
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-E", "-b", "html"]
    if "--quick" not in arguments:
        EXTRA.mkdir()
        for line in (["explore", "-o", str(EXTRA / "explorer.html")], ["verify", "--report", str(EXTRA)]):
            subprocess.run([sys.executable, "-m", "symsched.cli", *line], check=True, stdout=subprocess.DEVNULL)
        command += ["-t", "whole"]
    code = subprocess.run([*command, str(HERE), str(SITE)], check=False).returncode
    print(
        f"open {SITE.relative_to(Path.cwd()) if SITE.is_relative_to(Path.cwd()) else SITE}/index.html"
        if not code
        else "the site was not built"
    )
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
