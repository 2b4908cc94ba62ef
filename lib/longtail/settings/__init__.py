"""The settings of jobs as frozen dataclasses: a script parses them once, and all code below uses them by name.

Their schemas, with defaults and descriptions, are in `config/schemas/`; a test keeps the fields equal to their keys.
Each stage has a file of its own, so that a job depends only on the settings of its own stage.
"""
