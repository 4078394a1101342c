"""The vocabulary of the house: records, enums, instruments, bars, errors. Pure data, no behaviour that decides."""
