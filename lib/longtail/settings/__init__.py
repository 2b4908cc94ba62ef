"""The settings of jobs as frozen dataclasses: parsed once where a script reads its parameters, used by name below.

Their schemas, with defaults and descriptions, are in `config/schemas/`; a test keeps the fields equal to their keys.
Each stage has a file of its own, so that a job depends on the settings of its own stage alone.
"""
