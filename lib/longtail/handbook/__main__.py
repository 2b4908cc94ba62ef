"""`PYTHONPATH=lib python -m longtail.handbook` rewrites the tables and pages that are made."""

from longtail.handbook import pages, reference

reference.write()
pages.write()
