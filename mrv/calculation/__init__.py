"""A methodology run on inputs: parts, gaps, shares, uncertainty, the statement built and built again; what-if."""
