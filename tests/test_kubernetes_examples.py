"""The recipe for Kubernetes: what must agree between its files does, and its command is one that `sg4v` takes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from sharegpt4video.cli.app import app

FOLDER = Path(__file__).parents[1] / "examples" / "kubernetes"
FILES = [one for name in ("vllm.yaml", "build.yaml") for one in yaml.safe_load_all((FOLDER / name).read_text("utf-8"))]
BY_KIND = {one["kind"]: one for one in FILES}
CLUSTER = BY_KIND["RayJob"]["spec"]["rayClusterSpec"]
PODS = {
    "head": CLUSTER["headGroupSpec"]["template"]["spec"],
    "reader": CLUSTER["workerGroupSpecs"][0]["template"]["spec"],
    "vllm": BY_KIND["Deployment"]["spec"]["template"]["spec"],
}
COMMAND = shlex.split(BY_KIND["RayJob"]["spec"]["entrypoint"])


def option(name: str) -> str:
    return COMMAND[COMMAND.index(name) + 1]


def containers(pod: dict[str, Any]) -> Iterator[dict[str, Any]]:
    assert pod["containers"]
    yield from pod["containers"]


@pytest.mark.parametrize("pod", PODS)
def test_what_is_mounted_is_a_volume_and_what_is_claimed_is_declared(pod: str) -> None:
    claims = {one["metadata"]["name"] for one in FILES if one["kind"] == "PersistentVolumeClaim"}
    volumes = {volume["name"]: volume for volume in PODS[pod]["volumes"]}
    for container in containers(PODS[pod]):
        assert {mount["name"] for mount in container["volumeMounts"]} == volumes.keys()
    used = [volume["persistentVolumeClaim"]["claimName"] for volume in volumes.values() if "emptyDir" not in volume]
    assert used
    assert set(used) <= claims


def test_the_service_finds_the_copies_of_the_model() -> None:
    deployment, service = BY_KIND["Deployment"]["spec"], BY_KIND["Service"]
    assert service["spec"]["selector"].items() <= deployment["template"]["metadata"]["labels"].items()
    assert deployment["selector"]["matchLabels"] == service["spec"]["selector"]
    (port,) = service["spec"]["ports"]
    (container,) = containers(PODS["vllm"])
    assert {one["name"]: one["containerPort"] for one in container["ports"]}[port["targetPort"]] == 8000
    probes = [container[name]["httpGet"] for name in ("startupProbe", "readinessProbe")]
    assert [probe["port"] for probe in probes] == [port["targetPort"]] * 2


def test_the_build_asks_the_model_that_is_served_where_it_is_served() -> None:
    served = next(one.partition("=")[2] for one in PODS["vllm"]["containers"][0]["args"] if one.startswith("--model="))
    service = BY_KIND["Service"]
    address = f"http://{service['metadata']['name']}:{service['spec']['ports'][0]['port']}/v1"
    assert option("--model") == f"server:{served}@{address}"


def test_as_many_requests_as_the_copies_answer_and_as_many_again_wait() -> None:
    args = dict(one.removeprefix("--").split("=", 1) for one in PODS["vllm"]["containers"][0]["args"])
    copies = BY_KIND["Deployment"]["spec"]["replicas"]
    assert option("--set") == f"model.max_concurrent={2 * copies * int(args['max-num-seqs'])}"


def test_every_pod_of_the_cluster_has_one_image_and_reaches_videos_and_data_set() -> None:
    version = CLUSTER["rayVersion"]
    dockerfile = (FOLDER / "Dockerfile").read_text(encoding="utf-8")
    assert set(re.findall(r"ray(?:\[default\]==|:)(\d[\d.]*\d)", dockerfile)) == {version}
    images = {container["image"] for name in ("head", "reader") for container in containers(PODS[name])}
    assert len(images) == 1
    assert f"-t {images.pop()} " in dockerfile
    for name in ("head", "reader"):
        for container in containers(PODS[name]):
            (mount,) = container["volumeMounts"]
            assert COMMAND[3].startswith(mount["mountPath"] + "/")
            assert option("--out").startswith(mount["mountPath"] + "/")
            assert container["resources"]["limits"] == container["resources"]["requests"], "Ray counts what is there"


def test_the_command_is_one_that_sg4v_takes() -> None:
    program, *words = COMMAND
    assert (program, option("--on")) == ("sg4v", "ray")
    command: Any = get_command(app)
    for name in ("dataset", "build"):
        assert words.pop(0) == name
        command = command.commands[name]
    context = command.make_context("build", words)
    assert context.params["model"] == option("--model")
