"""What every test may use: `forge`, a real local forge whose answers are checked (tests/localforge/fixtures.py)."""

from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.localforge.fixtures"]

# A busy machine is no fault of what is tested: examples are bounded by their number, not by the clock.
settings.register_profile("auton", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("auton")
