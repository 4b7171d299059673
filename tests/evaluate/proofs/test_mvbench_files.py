"""Result files of MVBench, scored again by three rules."""

from __future__ import annotations

import json
from pathlib import Path

from sharegpt4video.evaluate.base import Protocol
from sharegpt4video.evaluate.proofs.mvbench_files import read_results

PROTOCOLS: tuple[Protocol, ...] = ("strict", "official", "original")


def test_result_files_of_both_scripts_are_scored_again(tmp_path: Path) -> None:
    rows = [{"pred": "(B) Two.", "gt": "(B) Two."}, {"pred": "(", "gt": "(A) One."}, {"pred": "(C", "gt": "(A) One."}]
    (tmp_path / "notebook.json").write_text(json.dumps({"acc_dict": {}, "res_list": rows}))
    tasked = [row | {"task_type": "Action Count"} for row in rows]
    (tmp_path / "released.json").write_text(json.dumps({"result_list": tasked}))
    for name in ("notebook.json", "released.json"):
        right = {p: sum(v.score for _, _, v in read_results(tmp_path / name, p)) for p in PROTOCOLS}
        assert right == {"strict": 1, "official": 2, "original": 1}
