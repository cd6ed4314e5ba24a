# An engineer with a model: a sheet of images, a calibration, and the scheduler of a pipeline if diffusers is there.
set -eu
symsched sample --model digits --steps 4 --count 4 -o digits.png --json run.json
python -c 'import json; assert json.load(open("run.json"))["evaluations"] == 4'
head -c 4 digits.png | grep -q PNG
cat > own.py <<'END'
import torch
import symsched as ss

field = ss.bridge.FlowField(lambda x, t: -torch.tanh(3 * x), "linear", "velocity", shape=(2,))
known = ss.bridge.calibrate(field, 8, steps=[4], tries=2, from_noise=True)
known.save("own.json")
images = ss.bridge.sample(field, 3, steps=4, seed=0, calibration=known)
assert images.shape == (3, 2) and bool(images.isfinite().all())
try:
    from diffusers import FlowMatchEulerDiscreteScheduler
except ModuleNotFoundError:
    raise SystemExit
lazy = ss.bridge.LazyScheduler.from_config(FlowMatchEulerDiscreteScheduler(shift=3.0).config, calibration="own.json")
lazy.set_timesteps(4)
assert (lazy.sigmas[0], lazy.sigmas[-1], len(lazy.sigmas)) == (1, 0, 5)
END
python own.py
