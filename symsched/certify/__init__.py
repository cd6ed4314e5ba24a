"""Certificates: what `verify` decides, written so that other kernels can check it.

- Coq: every derivative and every residual of a claim (`certify`), compiled by `coqc`.
- Intervals: the sign of a formula on (0, 1), with the subdivision that proves it (`symsched.certify.interval`).
"""

from symsched.certify.claims import certify, write
from symsched.certify.files import Certificate, certificate
from symsched.certify.runner import Checked, CoqError, check, find_coq

__all__ = ["Certificate", "Checked", "CoqError", "certificate", "certify", "check", "find_coq", "write"]
