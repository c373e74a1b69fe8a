"""``import consortia`` is light and writes nothing; ``--help`` answers at once."""

import subprocess
import sys
import time
from pathlib import Path

HEAVY = [
    "polars", "scipy", "numpy", "pandas", "pyarrow", "jinja2", "matplotlib", "fastapi", "rich",
    "typer", "pydantic", "narwhals",
]  # fmt: skip


def run(code: str, cwd: Path) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=cwd
    ).stdout


def test_import_loads_nothing_heavy_and_writes_nothing(tmp_path: Path) -> None:
    loaded = run("import sys, consortia; print(' '.join(sys.modules))", tmp_path).split()
    assert [m for m in HEAVY if m in loaded] == []
    assert list(tmp_path.iterdir()) == []


def test_public_names_exist(tmp_path: Path) -> None:
    out = run(
        "import consortia as c\nfor n in c.__all__: getattr(c, n)\nprint(len(c.__all__))", tmp_path
    )
    assert int(out) > 10


def test_public_names_are_not_hidden_by_modules(tmp_path: Path) -> None:
    code = (
        "import pkgutil, consortia as c\n"
        "print([m.name for m in pkgutil.iter_modules(c.__path__) if m.name in c.__all__])"
    )
    assert run(code, tmp_path).strip() == "[]"


def test_evaluate_loads_no_web_framework_and_no_plotting(tmp_path: Path) -> None:
    loaded = run(
        "import sys\nfrom consortia import evaluate, write_report\nprint(' '.join(sys.modules))",
        tmp_path,
    ).split()
    for name in ("fastapi", "starlette", "matplotlib", "plotly", "altair", "pandas"):
        assert name not in loaded


def test_help_loads_no_numbers(tmp_path: Path) -> None:
    code = (
        "import sys\nsys.argv=['consortia','--help']\nfrom consortia.cli.app import main\n"
        "try:\n    main()\nexcept SystemExit: pass\n"
        "print('LOADED', ' '.join(m for m in sys.modules if '.' not in m))"
    )
    loaded = run(code, tmp_path).split("LOADED")[1].split()
    assert [m for m in ("numpy", "scipy", "polars", "pydantic", "jinja2") if m in loaded] == []


def test_help_answers_in_under_a_second(tmp_path: Path) -> None:
    # The best of three, in processor time, so that a busy machine does not decide.
    best = 9.0
    for _ in range(3):
        code = (
            "import sys, time\nsys.argv=['consortia','evaluate','--help']\n"
            "from consortia.cli.app import main\n"
            "try:\n    main()\nexcept SystemExit: pass\n"
            "print('CPU', time.process_time())"
        )
        best = min(best, float(run(code, tmp_path).split("CPU")[1]))
    assert best < 1.0
    started = time.monotonic()
    run("from consortia.cli.app import app", tmp_path)
    assert time.monotonic() - started < 20
