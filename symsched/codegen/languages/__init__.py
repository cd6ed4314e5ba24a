"""One file for each language: its printer, what a module starts with, the Newton inverse, the self-test."""
