"""The version, in one place: the build, the headers of generated code and the reports read it here."""

__version__ = "0.1.0"
