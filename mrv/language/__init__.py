"""The closed language of expressions: text to canonical tree, units checked, evaluated with a trace."""
