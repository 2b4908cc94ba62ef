"""What the rules ask of a plan: files, parameters, layouts, resources and targets of every job."""
