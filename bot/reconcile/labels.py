"""AUTON's labels: name, colour, what it says. Those of roles are made by the forge when they are first used."""

LABELS: list[tuple[str, str, str]] = [
    ("auton:goal", "0e8a16", "A goal for the bot to plan and land"),
    ("auton:task", "1d76db", "One task of a goal"),
    ("auton:hold", "d93f0b", "Nothing new is started"),
    *((f"auton:{state}", "c5def5", f"Goal: {state}") for state in ("planning", "planned", "active")),
    *((f"auton:{state}", "ededed", f"Task: {state}")
      for state in ("waiting", "ready", "running", "review", "verify", "queued")),
    *((f"auton:{state}", "0e8a16", state.capitalize()) for state in ("done", "landed")),
    *((f"auton:{state}", "b60205", f"Stopped: {state}") for state in ("blocked", "cancelled", "failed", "needs-human")),
]
