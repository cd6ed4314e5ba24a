# needs: torch
# %% [markdown]
# # Few steps for a pretrained model
#
# You have a flow or diffusion model. Here it is the small one that comes along, trained on digits; yours goes into
# `FlowField(model, schedule, prediction)`.

# %%
import symsched as ss

field = ss.bridge.digits.load()
field

# %% [markdown]
# Eight evaluations, with the recommended `lazy-auto`. An image belongs to its seed and its number.

# %%
images = ss.bridge.sample(field, 8, steps=8, seed=0)
tuple(images.shape)

# %%
from matplotlib.figure import Figure

figure = Figure(figsize=(6, 0.8))
for place, image in enumerate(images[:, 0].cpu().numpy(), 1):
    axes = figure.add_subplot(1, 8, place)
    axes.imshow(image, cmap="gray", vmin=-1, vmax=1)
    axes.set_axis_off()
figure

# %% [markdown]
# What is asked when is a plan: each row is one evaluation of the model.

# %%
ss.bridge.Recipe(steps=4, solver="ab2c").plan_for(field.native)

# %% [markdown]
# A calibration learns levels and weights from a short pilot of the model; this model has one. `error` is the distance
# to converged samples.

# %%
field.calibration

# %% [markdown]
# With κ > 0 there is noise on the way; the target schedule and the solver are the sampler's choice, not the model's.

# %%
again = ss.bridge.sample(field, 4, target="lazy(kappa=1, rho=0.5)", kappa=1, solver="sde-dpmpp", steps=8, seed=0)
print(tuple(again.shape), "between", round(float(again.min()), 1), "and", round(float(again.max()), 1))
