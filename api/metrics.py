"""Prometheus metrics of one node, in a registry of its own."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """The counters; labels are closed sets (routes, outcomes, codes)."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter("carbonseal_http_requests_total", "Answers by route, method and status.",
                                ["route", "method", "status"], registry=self.registry)
        self.frames = Counter("carbonseal_frames_total", "Frames by outcome.", ["outcome"], registry=self.registry)
        self.refusals = Counter("carbonseal_frame_refusals_total", "Refused frames by code.", ["code"],
                                registry=self.registry)
        self.values = Counter("carbonseal_values_total", "Values accepted.", registry=self.registry)
        self.commits = Histogram("carbonseal_commit_seconds", "Time of one group commit.", registry=self.registry,
                                 buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5))
        self.waiting = Gauge("carbonseal_waiting_bytes", "Bytes of frames that wait to be written.",
                             registry=self.registry)
        self.log_size = Gauge("carbonseal_log_size", "Entries by how far they have come.", ["stage"],
                              registry=self.registry)
        self.failures = Counter("carbonseal_background_failures_total", "Failed rounds of background work by task.",
                                ["task"], registry=self.registry)

    def render(self) -> bytes:
        """The text that /metrics answers."""
        return generate_latest(self.registry)
