"""The house rules no linter knows: sizes of modules and functions. Run by ``make lint``."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

MODULE_LINES = 400
FUNCTION_LINES = 50
# "Rarely over": this share of functions may be longer, none may be twice as long.
LONG_FUNCTIONS = 0.02


def main() -> int:
    """Print what has outgrown its room; the exit status says whether anything has."""
    problems: list[str] = []
    lengths: list[int] = []
    for path in sorted(Path("src").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if (lines := text.count("\n")) > MODULE_LINES:
            problems.append(f"{path}: {lines} lines, more than {MODULE_LINES}")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                length = _code_lines(node)
                lengths.append(length)
                if length > 2 * FUNCTION_LINES:
                    problems.append(f"{path}:{node.lineno}: {node.name} has {length} lines")
    long = sum(length > FUNCTION_LINES for length in lengths)
    if long > LONG_FUNCTIONS * len(lengths):
        problems.append(f"{long} of {len(lengths)} functions are over {FUNCTION_LINES} lines")
    print("\n".join(problems) or f"{len(lengths)} functions, {long} over {FUNCTION_LINES} lines")
    return 1 if problems else 0


def _code_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring."""
    end = node.end_lineno or node.lineno
    first = node.body[0]
    documented = (
        isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    )
    docstring = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
    return end - node.lineno + 1 - docstring


if __name__ == "__main__":
    sys.exit(main())
