"""torch for the tests that need it; without it, importing this skips the module that does."""

import pytest

torch = pytest.importorskip("torch", reason="the bridge runs on torch: pip install 'symsched[torch]'")
torch.set_num_threads(1)
