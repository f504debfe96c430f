"""MRV: the expression language, dated parameters, formulas, methodologies, evaluation with trace. Pure."""
