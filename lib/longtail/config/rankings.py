"""Plans the pages that rank the methods of a table: one for each column, where the table is on a user's own data."""

from longtail.config.plan import Cell, Ranking, Table


def of(table: Table) -> list[Ranking]:
    """The pages of a table, for the columns that ask for one and in which a method can run.

    A column that says nothing gets one if the table has no printed number: then it reproduces no paper, and the
    question is which method to take. Columns of the same setting share a page.
    """
    by_default = not any(number is not None for cell in table.cells for number in cell.printed.values())
    found: dict[str, Ranking] = {}
    for number, column in enumerate(table.definition["columns"]):
        first: dict[str, Cell] = {}
        for row in table.rows:
            first.setdefault(row[number].method, row[number])
        cells = list(first.values())
        if column.get("ranking", by_default) and any(cell.runs for cell in cells):
            name = _name(table, cells[0])
            found[name] = Ranking(name, table.definition, cells)
    return list(found.values())


def _name(table: Table, cell: Cell) -> str:
    """The table's name, with what tells the setting from those of its other columns."""
    settings = [vars(other.setting) for other in table.rows[0]]
    own = [value for key, value in vars(cell.setting).items() if len({setting[key] for setting in settings}) > 1]
    return "_".join([table.name, *own])
