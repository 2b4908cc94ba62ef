"""From YAML to what is to be run: definitions, their validation, settings of each job, and the plan of all."""
