"""The commands of `longtail`, one file each, found by name.

The first line of a file's docstring is its line in `longtail --help`, read without importing the file.
`add_arguments(parser)` adds what the command takes to an `argparse` parser; `run(options)` does its work and prints.
Bad input raises InputError.
"""
