"""The figures of a server in the format of Prometheus. Each server counts for itself; nothing is global."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from .. import __version__
from .server import Server


class _Figures(Collector):
    def __init__(self, server: Server) -> None:
        self._server = server

    def collect(self) -> Iterator[Metric]:
        queue, library = self._server.queue, self._server.library
        info = GaugeMetricFamily("sg4v_info", "The version that runs.", labels=["version"])
        info.add_metric([__version__], 1)
        yield info
        ended = CounterMetricFamily("sg4v_captions", "Captions that ended, by how.", labels=["status"])
        for status, count in queue.ended.items():
            ended.add_metric([status], count)
        yield ended
        yield CounterMetricFamily("sg4v_captioned_seconds", "Seconds of video captioned.", queue.seconds_captioned)
        yield GaugeMetricFamily("sg4v_captions_running", "Captions being made.", queue.running)
        yield GaugeMetricFamily("sg4v_captions_waiting", "Captions that wait.", len(queue.waiting()))
        yield GaugeMetricFamily("sg4v_videos_open", "Videos that can be asked for.", len(library))
        stored = self._server.uploads.bytes_stored()
        yield GaugeMetricFamily("sg4v_stored_bytes", "Bytes of uploads, previews and pictures.", stored)


def exposed(server: Server) -> tuple[bytes, str]:
    """The figures and their media type."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures(server))
    return generate_latest(registry), CONTENT_TYPE_LATEST
