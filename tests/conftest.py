"""Hypothesis profiles: `dev` looks for new examples in every run, `ci` tries more and the same ones every time.

A failure under `dev` prints the example; `HYPOTHESIS_PROFILE=ci` chooses the other one outside CI.
"""

import os

from hypothesis import HealthCheck, settings

slow_is_fine = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("dev", max_examples=12, **slow_is_fine)
settings.register_profile("ci", max_examples=25, derandomize=True, print_blob=True, **slow_is_fine)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev"))
