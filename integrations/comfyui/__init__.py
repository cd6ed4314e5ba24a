"""The lazy samplers of symsched as nodes of ComfyUI; README.md says how to install and wire them."""

import sys

try:
    import symsched  # noqa: F401
except ModuleNotFoundError as error:
    if error.name != "symsched":
        raise
    raise ImportError(
        f"its nodes need symsched in ComfyUI's own Python: {sys.executable} -m pip install 'symsched[torch]'"
    ) from None

from .calibrating import Calibrate, LoadCalibration
from .sampling import LazySampler, LazySigmas

NODE_CLASS_MAPPINGS = {
    "SymschedSampler": LazySampler,
    "SymschedSigmas": LazySigmas,
    "SymschedCalibrate": Calibrate,
    "SymschedLoadCalibration": LoadCalibration,
}
NODE_DISPLAY_NAME_MAPPINGS = {
    "SymschedSampler": "Lazy Sampler",
    "SymschedSigmas": "Lazy Sigmas",
    "SymschedCalibrate": "Calibrate Lazy Sampler",
    "SymschedLoadCalibration": "Load Lazy Calibration",
}

__all__ = ["NODE_CLASS_MAPPINGS", "NODE_DISPLAY_NAME_MAPPINGS"]
