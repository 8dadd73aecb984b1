"""The whole of AUTON at work, in processes of its own: `tiny.py` is a repository whose kernel is a shell script."""
