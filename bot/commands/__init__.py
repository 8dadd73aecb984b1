"""One module per command of `auton`; see `bot/cli.py`."""
