"""The commands of `longtail`: one file per command, found by its name.

The first line of a file's docstring is its line in `longtail --help`, which is read without importing the file.
`add_arguments(parser)` adds the command's arguments to an `argparse` parser; `run(options)` does the work and prints.
Bad input raises InputError.
"""
