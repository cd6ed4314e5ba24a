# An engineer: a conversion in closed form, as a module of her language, which checks itself and needs nothing of ours.
set -eu
symsched convert --from linear --to follmer --at 0.25 --json | grep -q '"tau": 0.3660254037844386'
symsched codegen --from linear --to follmer --lang numpy --self-test -o conversion.py
! grep -q 'import symsched' conversion.py
python -c 'import conversion; tau, *_ = conversion.conversion(0.25); assert abs(tau - 0.3660254037844386) < 1e-15, tau'
python conversion.py | grep -q 'self-test passed'
symsched codegen --from linear --to follmer --lang c --self-test -o conversion.h
if command -v cc; then cc -std=c99 -Wall -Werror -DSELF_TEST -x c conversion.h -o check -lm && ./check | grep 'self-test passed'; fi
symsched codegen --to "shifted(3)" --lang sigmas --steps 4 | grep -q '    0.9,'
