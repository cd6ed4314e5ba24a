# A researcher: a schedule of her own, its scale, its conversion, a simulation, a theorem, a figure.
set -eu
mine="alpha=cos(pi*t/2)**2; beta=sin(pi*t/2)"
symsched derive kind --schedule "$mine" | grep -q '^standard'
symsched derive limits --schedule "$mine" | grep -qx 'ε\*(1) = 0'
symsched derive drift --schedule follmer --data "gaussian(0, 1)" --kappa 1 | grep -qx 'b = 0'
symsched convert --from linear --to follmer --at 0.25 | grep -qx 'τ = √t/(√t + √(1 − t))'
symsched simulate --schedule follmer --data "gaussian(0, 1)" --kappa 1 --scheme lazy --steps 1 --paths 10000 --json run.json
python -c 'import json; run = json.load(open("run.json")); assert abs(run["values"][-1]["var"] - 1) < 0.1, run'
cat > my_theorem.py <<'END'
from sympy import sqrt
from symsched.symbols import beta, rho, t
from symsched.theorem import Theorem

theorem = Theorem("VP", "Variance preserving", "α² + ρ²β² = ρ² implies αα̇ = −ρ²ββ̇.")
noise = sqrt(rho**2 - rho**2 * beta**2)


@theorem.step("differentiate the constraint")
def slope(claimed=-(rho**2) * beta * beta.diff(t)):
    return noise * noise.diff(t) - claimed


theorem.sabotage(slope, "sign", claimed=rho**2 * beta * beta.diff(t))
END
symsched verify my_theorem.py --report . | grep -q '1 claim holds'
grep -q 'Variance preserving' report.html
symsched plot paths --from ddpm --to linear --kappa 1 -o paths.svg && grep -q '</svg>' paths.svg
