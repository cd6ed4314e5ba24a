# %% [markdown]
# # Code for your own stack
#
# Your model was trained with the linear schedule of rectified flows; you want to sample it in another one, in your own
# code, without depending on symsched.

# %%
import symsched as ss

conversion = ss.convert(ss.schedules.linear(), ss.schedules.follmer())
conversion

# %% [markdown]
# The module is plain NumPy. Its header says what was derived, with all limits.

# %%
code = ss.codegen(conversion, "numpy", self_test=True)
start = code.index("def conversion")
print(code[start : code.index("\n\n\n", start)])

# %% [markdown]
# It carries its own references, and agrees with what symsched derives to the last digits, next to the ends too.

# %%
module = {"__name__": "linear_to_follmer"}
exec(code, module)
for time in (0.0, 1e-12, 0.25, 1.0):
    tau, scale, *_ = (float(value) for value in module["conversion"](time))
    exact = [float(value[0]) for value in conversion.values((conversion.tau, conversion.scale), [time])]
    print(
        f"t = {time:g}: τ = {tau:.17g}, c = {scale:.17g}, off by {abs(tau - exact[0]):.1g}, {abs(scale - exact[1]):.1g}"
    )

# %% [markdown]
# The same for C, PyTorch, JAX, Julia and others; what is emitted differs only in its spelling.

# %%
header = ss.codegen(conversion, "c")
start = header.index("static inline linear_to_follmer_conversion_t")
print(header[start : header.index("\n}\n", start) + 2])
