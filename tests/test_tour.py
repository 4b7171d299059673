"""The notebook of the examples is executed as it stands: without network, GPU or a notebook server."""

from __future__ import annotations

import ast
import contextlib
import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
NOTEBOOK = json.loads((EXAMPLES / "tour.ipynb").read_text(encoding="utf-8"))
CODE = ["".join(cell["source"]) for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]


def run_cell(code: str, names: dict[str, Any]) -> Any:
    """Run a cell; returns the value of its last line, which is what a notebook shows."""
    body = ast.parse(code).body
    last = body.pop() if isinstance(body[-1], ast.Expr) else None
    exec(compile(ast.Module(body, []), "tour.ipynb", "exec"), names)
    return eval(compile(ast.Expression(last.value), "tour.ipynb", "eval"), names) if last else None


@pytest.fixture(scope="module")
def tour(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], list[Any]]:
    """The folder it ran in, its variables, and what its cells show."""
    folder = tmp_path_factory.mktemp("tour")
    shutil.copy(EXAMPLES / "park.mp4", folder)
    names: dict[str, Any] = {"__name__": "__main__"}
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(io.StringIO()) as printed:
        patch.chdir(folder)
        shown = [run_cell(code, names) for code in CODE]
    return folder, names, [*shown, printed.getvalue()]


def test_it_goes_from_a_folder_to_a_set_a_report_and_a_score(tour: tuple[Path, dict[str, Any], list[Any]]) -> None:
    folder, names, _ = tour
    assert names["ds"].last.all_well
    assert sorted(names["by_name"]) == ["left.mp4", "park.mp4", "right.mp4"]
    assert sum(names["selection"].splits.values()) == 3
    assert names["score"].figures["overall"].value == pytest.approx(50.0)
    assert (folder / "my-set.html").stat().st_size > 10_000
    assert list((folder / "sft").glob("*.json*"))
    assert list((folder / "clips").rglob("*.mp4"))


def test_the_results_show_themselves(tour: tuple[Path, dict[str, Any], list[Any]]) -> None:
    _, names, shown = tour
    for value in shown:
        if hasattr(value, "text"):
            assert len(repr(value)) < 400
            assert hasattr(value, "_repr_html_") or hasattr(value, "_repr_markdown_")
    assert names["by_name"]["park.mp4"]._repr_html_().count("<img ") > 1
    assert "still.mp4" in str(names["sources"])


def test_its_outputs_are_cleared() -> None:
    for cell in NOTEBOOK["cells"]:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None
