"""Prompt files of every kind, and VBench's requirements, each written here as its own readers know them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from sharegpt4video.errors import InputMissing, SettingsError
from sharegpt4video.t2v.suites import Prompt, read_prompts

TEXTS = ['a dog, "running"', "a café\u2028twice", "two birds"]


@pytest.mark.parametrize("kind", ["txt", "json", "jsonl", "csv", "objects", "names", "bom"])
def test_the_same_prompts_from_every_kind_of_file(tmp_path: Path, kind: str) -> None:
    quoted = [text.replace('"', '""') for text in TEXTS]
    content = {
        "txt": "\n".join(TEXTS) + "\n",
        "bom": "\ufeff" + "\r\n".join(TEXTS),
        "json": json.dumps(TEXTS),
        "jsonl": "".join(json.dumps({"id": 1, "prompt": text}, ensure_ascii=False) + "\n" for text in TEXTS),
        "csv": "id,prompt\n" + "".join(f'1,"{text}"\n' for text in quoted),
        "objects": json.dumps({"data": [{"caption": text} for text in TEXTS]}),
        "names": json.dumps({f"{number}.mp4": text for number, text in enumerate(TEXTS)}),
    }[kind]
    file = tmp_path / f"prompts.{ {'objects': 'json', 'names': 'json', 'bom': 'txt'}.get(kind, kind) }"
    file.write_text(content, encoding="utf-8", newline="")
    assert [prompt.text for prompt in read_prompts(file)] == TEXTS


def test_an_empty_line_stays_so_that_lines_match(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a dog\n\na cat\n", encoding="utf-8")
    assert [prompt.text for prompt in read_prompts(tmp_path / "a.txt")] == ["a dog", "", "a cat"]


def test_a_rewritten_column_is_taken_before_that_of_the_prompts(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"prompt": "a dog", "rewritten": "A dog runs."}\n', encoding="utf-8")
    assert read_prompts(tmp_path / "a.jsonl", rewritten=True) == (Prompt("A dog runs."),)
    assert read_prompts(tmp_path / "a.jsonl") == (Prompt("a dog"),)


def test_what_vbench_requires_is_read(tmp_path: Path) -> None:
    left = {"object_a": "cup", "object_b": "fork", "relationship": "on the left of"}
    entries = [
        {"prompt_en": "a red cup", "dimension": ["color"], "auxiliary_info": {"color": {"color": "red"}}},
        {
            "prompt_en": "a cup and a fork",
            "dimension": ["multiple_objects"],
            "auxiliary_info": {"multiple_objects": {"object": "cup and fork"}},
        },
        {
            "prompt_en": "a cup on the left of a fork",
            "dimension": ["spatial_relationship"],
            "auxiliary_info": {"spatial_relationship": {"spatial_relationship": left}},
        },
        {
            "prompt_en": "He sits, then runs.",
            "dimension": "Motion_Order_Understanding",
            "auxiliary_info": ["sits", "runs"],
        },
        {"prompt_en": "a cup", "dimension": ["scene"]},
    ]
    (tmp_path / "full_info.json").write_text(json.dumps(entries), encoding="utf-8")
    found = read_prompts(tmp_path / "full_info.json")
    assert [prompt.requires for prompt in found] == [
        (("color", ("red",)),),
        (("object", ("cup", "fork")),),
        (("relation", ("cup", "on the left of", "fork")),),
        (("order", ("sits", "runs")),),
        (),
    ]
    assert found[0].suite == ("color",)


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("a.json", "{", "a.json: not valid JSON"),
        ("a.json", '{"a": 1}', "a list of prompts is needed"),
        ("a.json", "[1]", "item 1: a text or an object is needed, not int"),
        ("a.jsonl", '"a"\n{"x": 1}\n', "line 2: has x, and none of prompt_en"),
        ("a.csv", "id\n", "holds no rows below its header"),
        ("a.txt", " \n", "holds no prompt"),
        ("a.jsonl", '"a"\n"b\\ud800"\n', "prompt 2 has half of a character .* at character 2; was it cut"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, content: str, problem: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(SettingsError, match=problem):
        read_prompts(tmp_path / name)


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(InputMissing, match="cannot be read"):
        read_prompts(tmp_path / "none.txt")


def test_a_table_with_odd_cells_gives_a_prompt_for_each_row_or_says_why(tmp_path: Path) -> None:
    texts = ["word " * 40_000, "a\u2028b", "a\x85b", "two\nlines"]
    with (tmp_path / "a.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["prompt"], *([text] for text in texts)])
    assert [prompt.text for prompt in read_prompts(tmp_path / "a.csv")] == [text.strip() for text in texts]
    for content, problem in {
        'prompt\n"a dog\na cat\na bird\n': "not a proper table",
        "prompt\na cat\na dog, running\n": "row 2: has more cells than the header",
    }.items():
        (tmp_path / "b.csv").write_text(content, encoding="utf-8")
        with pytest.raises(SettingsError, match=problem):
            read_prompts(tmp_path / "b.csv")


def test_a_prompt_that_is_no_text_is_shown(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"prompt": 5}\n', encoding="utf-8")
    with pytest.raises(SettingsError, match="line 1: prompt is '5', and a text is needed"):
        read_prompts(tmp_path / "a.jsonl")
