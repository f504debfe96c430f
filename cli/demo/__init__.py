"""The demonstration: a fictitious park, its participants with keys of their own, and the whole path acted out."""
