"""Hypothesis profiles: `dev` looks for new examples in every run, `ci` tries more and the same ones every time.

A failure under `dev` prints the example; `HYPOTHESIS_PROFILE=ci` chooses the other one outside CI.
"""

import os

from hypothesis import HealthCheck, Phase, settings

# Shrinking a failure of exact algebra takes minutes and gains little: the examples are small as they are.
PHASES = [Phase.explicit, Phase.reuse, Phase.generate]
slow_is_fine = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow], "phases": PHASES}
settings.register_profile("dev", max_examples=8, **slow_is_fine)
settings.register_profile("ci", max_examples=15, derandomize=True, print_blob=True, **slow_is_fine)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev"))
