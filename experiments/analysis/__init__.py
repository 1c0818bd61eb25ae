"""The arithmetic of an experiment: from files or tables to lifts, intervals and a verdict. Never served."""
