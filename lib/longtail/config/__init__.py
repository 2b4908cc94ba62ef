"""From YAML to the plan: reads and validates definitions, resolves the settings of each job, plans all runs."""
