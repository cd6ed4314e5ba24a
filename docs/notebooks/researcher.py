# %% [markdown]
# # A schedule of one's own
#
# You have an idea for a schedule: is it one, what does it do to the data, and where does it become lazy?

# %%
import symsched as ss

mine = ss.Schedule("cos(pi*t/2)**2", "sin(pi*t/2)")
mine

# %% [markdown]
# Validity is proved on the whole of (0, 1), and limits are exact.

# %%
print(mine.validate().kind)
for condition in mine.validate().conditions:
    print(f"{condition.statement}: {condition.method}")
print("ε*(1) =", mine.limit("eps_star", 1))

# %% [markdown]
# Its equation for standard normal data, at the optimal scale κ = 1:

# %%
ss.InterpolantSDE(mine, ss.Gaussian(0, 1), kappa=1)

# %% [markdown]
# In the Föllmer schedule the drift is gone: this one is lazy. And so is the family that the condition gives for data of
# another spread.

# %%
ss.InterpolantSDE(ss.schedules.follmer(), ss.Gaussian(0, 1), kappa=1)

# %%
ss.lazy.solve(kappa=1, rho=2)

# %% [markdown]
# A conversion carries a model, its paths and its scale from one to the other.

# %%
conversion = ss.convert(ss.schedules.linear(), ss.schedules.follmer())
conversion

# %% [markdown]
# One Euler step in the lazy schedule has the exact law; simulated, with standard errors:

# %%
lazy = ss.InterpolantSDE(ss.schedules.follmer(), ss.Gaussian(0, 1), kappa=1)
ss.simulate(lazy, paths=100_000, steps=1, scheme="lazy", seed=0)

# %% [markdown]
# Why that is so is a claim of the theory. Claims are decided exactly, and each check must refute its sabotaged twins;
# here the one about the timestep shift, which is short.

# %%
ss.verify("C13", level="symbolic")

# %% [markdown]
# And a picture of it.

# %%
ss.plot.paths(source="linear", target="follmer", kappa=1)
