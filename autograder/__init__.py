"""Takara: everything that runs when somebody learns or marks. Knows no lesson by name."""

__version__ = "0.1.0"
