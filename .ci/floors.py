"""The lowest version of each dependency that pyproject.toml allows, as pip constraints."""

import re
import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]
for line in project["dependencies"]:
    name, version = re.fullmatch(r"([\w-]+)>=([\d.]+)", line).groups()
    print(f"{name}=={version}")
