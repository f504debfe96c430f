"""Modbus TCP: registers of a power meter, through pymodbus."""
