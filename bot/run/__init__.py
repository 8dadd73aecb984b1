"""`auton run`: file a goal on a forge, watch it, and say how it ended."""
