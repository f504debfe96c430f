"""Data quality: the control plan, coverage of series, gates and plausibility checks."""
