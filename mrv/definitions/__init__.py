"""Rules in memory, pure: dated parameters, formulas, methodologies, the set they form and its release."""
