"""Routes, one module for each noun; each only reads the request, calls one function and shapes the answer."""
