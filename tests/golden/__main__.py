"""``python -m tests.golden`` writes what the golden run says now."""

from tests.golden.run import write

if __name__ == "__main__":
    write()
