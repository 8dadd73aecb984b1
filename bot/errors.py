"""Every error that AUTON tells a person about.

    AutonError                 one clear line, a hint, an exit code
    ├── ConfigError            auton.toml or an option is wrong                    exit 2
    ├── MissingTool            a program that AUTON needs is not installed         exit 3
    ├── ForgeError             the forge refused, or cannot be reached             exit 4
    ├── AgentError             a model, a recording or a tool set cannot be used   exit 5
    ├── BudgetExceeded         a hard cap was reached                              exit 6
    └── Refused                a patch, a plan or a command was refused            exit 7

A message says what was expected, what was found, and where; `hint` says what to do.
"""


class AutonError(Exception):
    """Something a person must know: `message` is one line, `hint` says what to do next."""

    exit_code = 1

    def __init__(self, message: str, hint: str = ""):
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class ConfigError(AutonError):
    exit_code = 2


class MissingTool(AutonError):
    exit_code = 3


class ForgeError(AutonError):
    exit_code = 4


class AgentError(AutonError):
    exit_code = 5


class BudgetExceeded(AutonError):
    exit_code = 6


class Refused(AutonError):
    exit_code = 7
