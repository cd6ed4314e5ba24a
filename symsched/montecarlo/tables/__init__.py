"""A program becomes numbers: the tables of its scheme on a grid, and those of the times inside its steps."""

from symsched.montecarlo.tables.between import Between
from symsched.montecarlo.tables.schemes import Tables, fill, variance_increments
from symsched.montecarlo.tables.start import Start, start_of, turn
from symsched.montecarlo.tables.timetable import Timetable, timetable_of

__all__ = ["Between", "Start", "Tables", "Timetable", "fill", "start_of", "timetable_of", "turn", "variance_increments"]
