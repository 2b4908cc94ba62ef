"""Looks at a folder of a person's own data and writes the configuration for it (`longtail init`)."""
