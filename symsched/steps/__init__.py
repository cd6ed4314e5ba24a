"""The laws of one step, once and symbolic; everybody else evaluates them.

`identities` says what each prediction is and solves for the others; `laws` says what a step of a scheme does to the
state, the data prediction and the noise; `integrals` has what a step accumulates.
"""
