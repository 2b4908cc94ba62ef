"""Generates the pages of the documentation that are made from definitions, schemas and parts."""
