"""``python -m bench.count_rows COLUMNS FILE…``: how long the engine alone takes to count the rows of these files.

With what planning knows of them: the number of columns, what they are written with, and that every value is text. No
plan can be made in less.
"""

import argparse
from pathlib import Path

import duckdb

from bench.apart import tell
from bench.machine import Stopwatch

_COUNT = """
SELECT count(*) FROM read_csv({files}, columns = {columns}, header = false, auto_detect = false,
                              delim = ',', quote = '"', escape = '"', new_line = '\\n')
"""


def main() -> None:
    """Count, and tell how many there are and how long it took."""
    parser = argparse.ArgumentParser()
    parser.add_argument("columns", type=int)
    parser.add_argument("files", type=Path, nargs="+")
    asked = parser.parse_args()
    columns = {f"c{number}": "VARCHAR" for number in range(asked.columns)}
    with duckdb.connect(config={"threads": 2}) as engine:
        watch = Stopwatch()
        ((rows,),) = engine.execute(
            _COUNT.format(files=[str(file) for file in asked.files], columns=columns)
        ).fetchall()
        tell(seconds=watch.seconds, processor_seconds=watch.processor_seconds, rows=rows)


if __name__ == "__main__":
    main()
