"""The tests of the portal's verification modules find their helpers here."""
