"""How the shipped models were trained: the scripts, their seeds and their logs."""
