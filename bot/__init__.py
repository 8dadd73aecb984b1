"""AUTON: turns a goal filed as a GitHub issue into merged, booting operating-system code."""

__version__ = "0.1.0"
