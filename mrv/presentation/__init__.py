"""What a person reads of a run: the explained tree, workbooks with live formulas, labels."""
