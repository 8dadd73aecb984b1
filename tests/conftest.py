"""What every test may use: `forge`, a real local forge whose answers are checked (tests/localforge/fixtures.py)."""

pytest_plugins = ["tests.localforge.fixtures"]
