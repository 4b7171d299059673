"""Requests made from the API's own document, valid and invalid: none brings the server down or gets an odd answer."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from made_catalogue import made
from web_server import PARK, TOKEN, running

EXAMPLES = 5
MORE_THAN_A_SCHEMA_SAYS = {
    "/v1/media",  # not every text is a video,
    "/v1/media/open",  # a path or an address,
    "/v1/captions",  # a part that ends after it begins,
    "/v1/ask",
    "/v1/summaries",  # inside the caption,
    "/v1/recaption",  # a prompt, a text encoder,
    "/v1/dataset/captions",  # a filter, a place in a list,
    "/v1/dataset/reviews",  # a change
    "/v1/dataset/bulk",  # or a pattern
    "/v1/compare/videos",
}


def test_every_route_answers_as_its_document_says(tmp_path: Path) -> None:
    a, b = made(tmp_path / "a", range(6)), made(tmp_path / "b", range(6))
    with running(sample=PARK, dataset=a.root, compare=(a.root, b.root)) as web:
        schema = schemathesis.openapi.from_dict(web.as_owner("GET", "/openapi.json").json)
        schema.config.update(base_url=f"http://127.0.0.1:{web.port}")
        # A text that is too long may make the whole request too long, which is told by a status of its own.
        schema.config.checks.negative_data_rejection.expected_statuses = ["4XX", "5XX"]
        asked = 0
        for found in schema.get_all_operations():
            operation = found.ok()
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):

                @given(case=operation.as_strategy(generation_mode=mode))
                @settings(
                    max_examples=EXAMPLES,
                    deadline=None,
                    database=None,
                    phases=[Phase.generate],
                    suppress_health_check=list(HealthCheck),
                )
                def check(case: schemathesis.Case) -> None:
                    nonlocal asked
                    asked += 1
                    left_out = [positive_data_acceptance] if case.operation.path in MORE_THAN_A_SCHEMA_SAYS else []
                    case.call_and_validate(headers={"Authorization": f"Bearer {TOKEN}"}, excluded_checks=left_out)

                with suppress(Unsatisfiable):  # a route that takes nothing cannot be asked wrongly
                    check()
        assert asked > 100
        assert web.client.session().models
