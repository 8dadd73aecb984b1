"""What the pipeline tells a person about: one line that says what was expected, what was found, and where.

    SlmError           bad input, a missing file, a broken model           exit 2
    ├── Regression     a stage is worse than what it must not be under     exit 1
    └── Missing        a package or program is not installed               exit 3
"""


class SlmError(Exception):
    exit_code = 2


class Regression(SlmError):
    exit_code = 1


class Missing(SlmError):
    exit_code = 3
