"""What the house weighs: lines, longest rooms, circles, what an install takes, what a command costs before it works.

    python benchmarks/house.py

Prints a figure a line, with its goal. Processor seconds are of the second run, when caches are warm; sizes are of the
environment that this Python runs in (`install` in a fresh one: `python -m venv E && E/bin/pip install .`, then
E/bin/python benchmarks/house.py).
"""

import ast
import os
import resource
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PRODUCT = ("media", "faces", "provenance", "generate", "detect", "vasari")
BENCH = ("lab", "benchmarks")
EXIT_UNREADABLE, EXIT_USAGE = 1, 2  # of a command that did not do its work


def sources(*rooms: str) -> list[Path]:
    """Python files of the rooms that git knows."""
    told = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in told.split() if name.split("/")[0] in rooms and (ROOT / name).is_file()]


def weights() -> list[Path]:
    """Weight files of the rooms."""
    return [
        p for room in (*PRODUCT, *BENCH) for kind in ("onnx", "safetensors") for p in (ROOT / room).rglob(f"*.{kind}")
    ]


def lines(paths: list[Path]) -> int:
    return sum(len(path.read_text().splitlines()) for path in paths)


def functions(paths: list[Path]) -> list[tuple[int, str]]:
    """(lines, name) of every function, longest first."""
    found = []
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                found.append((length, f"{path.relative_to(ROOT)}:{node.name}"))
    return sorted(found, reverse=True)


def circles(paths: list[Path]) -> list[list[str]]:
    """Groups of modules that import one another when they are loaded (imports within functions are no circle)."""
    names = {".".join(p.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): p for p in paths}
    graph = {name: set(_imported(path, names)) - {name} for name, path in names.items()}
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found = []

    def visit(name: str) -> None:  # Tarjan 1972
        index[name] = low[name] = len(index)
        stack.append(name)
        for other in graph[name]:
            if other not in index:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in stack:
                low[name] = min(low[name], index[other])
        if low[name] == index[name]:
            group = stack[stack.index(name) :]
            del stack[-len(group) :]
            if len(group) > 1:
                found.append(sorted(group))

    for name in names:
        if name not in index:
            visit(name)
    return found


def _imported(path: Path, names: dict[str, Path]) -> list[str]:
    found = []
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            deeper = [f"{node.module}.{alias.name}" for alias in node.names]
            found += [name if name in names else node.module for name in deeper]
    return [name for name in found if name in names]


def processor(*arguments: str) -> float:
    """Seconds of processor that the second of two runs of a command takes."""
    for _ in range(2):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [sys.executable, "-m", "vasari", *arguments]
        usual = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=usual)
        if done.returncode in (EXIT_UNREADABLE, EXIT_USAGE):
            raise SystemExit(f"{' '.join(command)}: {done.stderr.strip().splitlines()[-1:]}")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def installed() -> dict[str, float]:
    """Megabytes of the packages beside this Python, by the folder they lie in."""
    sizes: dict[str, float] = defaultdict(float)
    for site in {Path(path) for path in sys.path if path.endswith("site-packages")}:
        for path in site.rglob("*"):
            if path.is_file() and not path.is_symlink():
                sizes[path.relative_to(site).parts[0]] += path.stat().st_size / 1e6
    return sizes


def main() -> None:
    """Print all figures."""
    product, all_of_it = sources(*PRODUCT), sources(*PRODUCT, *BENCH)
    long = [row for row in functions(product) if row[0] > 60]
    big = sorted(((lines([path]), str(path.relative_to(ROOT))) for path in product), reverse=True)
    over = [row for row in big if row[0] > 400]
    groups, sizes = circles(all_of_it), installed()
    rows: list[tuple[str, float, str, str]] = [
        ("product_lines", lines(product), "18000", ""),
        ("lines_without_tests", lines(all_of_it), "32000", ""),
        ("test_lines", lines(sources("tests")), "", ""),
        ("circles", len(groups), "0", "; ".join(" - ".join(group) for group in groups)),
        ("files_over_400", len(over), "0", ", ".join(f"{name} {count}" for count, name in over)),
        ("functions_over_60", len(long), "0", ", ".join(f"{name} {count}" for count, name in long)),
        ("readme_kb", round((ROOT / "README.md").stat().st_size / 1000, 1), "8", ""),
        ("weights_mb", round(sum(p.stat().st_size for p in weights()) / 1e6, 1), "60", ""),
        ("help_cpu_s", round(processor("--help"), 2), "0.3", ""),
        ("verify_cpu_s", round(processor("verify", "examples/portrait.png"), 2), "1.0", "a file without marks"),
        ("install_mb", round(sum(sizes.values())), "700",
         ", ".join(f"{n} {v:.0f}" for n, v in sorted(sizes.items(), key=lambda row: -row[1])[:8])),
    ]  # fmt: skip
    for name, value, goal, note in rows:
        print(f"{name:22}{value:>10g}  {'goal ' + goal if goal else '':12}{note}")  # noqa: T201


if __name__ == "__main__":
    main()
