"""The reconcile loop: snapshot → decide → actions, level-triggered and idempotent."""
