"""A detector with parameters: what a trial fits, a member is made of and the fusion knows by name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, TypeAlias

from pynomaly_auto.records._base import plain

Params: TypeAlias = Mapping[str, Any]

_VIEW, _STANDARD = "view", "standard"  # the catalogue's words; records know nothing of the catalogue
_BETWEEN = ":"  # between a detector and its view in what the fusion calls a member


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Configuration:
    """One detector with one set of parameters.

    Two are the same where their `key` is: tuples and lists are alike, as files know lists only.

    Args:
        detector: Name in the registry.
        params: Its parameters where they are not the defaults; they can't be changed any more.
    """

    detector: str
    params: Params = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "params", MappingProxyType(dict(self.params)))

    @classmethod
    def of_fusion_name(cls, fusion_name: str) -> Configuration:
        """The inverse of `fusion_name`.

        >>> Configuration.of_fusion_name("knn:trimmed").name
        'knn (trimmed)'
        """
        detector, _, view = fusion_name.partition(_BETWEEN)
        return cls.in_view(detector, view or _STANDARD)

    @classmethod
    def in_view(cls, detector: str, view: str) -> Configuration:
        """A detector's default parameters in a view of the table."""
        return cls(detector=detector, params={} if view == _STANDARD else {_VIEW: view})

    @property
    def view(self) -> str:
        """The view it has of the table."""
        return str(self.params.get(_VIEW, _STANDARD))

    @property
    def name(self) -> str:
        """What people read: the detector, and its view where that is not the usual one."""
        return self.detector if self.view == _STANDARD else f"{self.detector} ({self.view})"

    @cached_property
    def key(self) -> str:
        """What identifies it, over runs and files: text made of the detector and its parameters."""
        return json.dumps([self.detector, plain(self.params)], sort_keys=True)

    @property
    def fusion_name(self) -> str | None:
        """What the learned fusion calls it: the detector, after a colon its view; None with other parameters.

        >>> Configuration(detector="knn", params={"view": "ranks"}).fusion_name
        'knn:ranks'
        """
        if set(self.params) - {_VIEW}:
            return None
        return self.detector if self.view == _STANDARD else f"{self.detector}{_BETWEEN}{self.view}"

    @property
    def only_view(self) -> bool:
        """Whether nothing but the view of the table is given."""
        return set(self.params) == {_VIEW}

    def over(self, defaults: Params) -> Configuration:
        """The same with ``defaults`` for what it does not give."""
        return Configuration(detector=self.detector, params={**defaults, **self.params})

    def fixing(self, params: Params) -> Configuration:
        """The same with ``params`` whatever it gives."""
        return Configuration(detector=self.detector, params={**self.params, **params})

    def to_dict(self) -> dict[str, Any]:
        """Plain values only."""
        return {"detector": self.detector, "params": plain(self.params)}

    def __repr__(self) -> str:  # the proxy around the parameters tells nobody anything
        return f"Configuration(detector={self.detector!r}, params={dict(self.params)!r})"

    def __eq__(self, other: object) -> bool:
        return self.key == other.key if isinstance(other, Configuration) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.key)

    def __reduce__(self) -> tuple[Any, ...]:  # a mapping proxy can be neither pickled nor copied
        return _make, (self.detector, dict(self.params))


def _make(detector: str, params: Params) -> Configuration:
    return Configuration(detector=detector, params=params)


class Configured:
    """What has a configuration, seen by its parts."""

    configuration: Configuration

    @property
    def detector(self) -> str:
        """The configuration's detector: its name in the registry."""
        return self.configuration.detector

    @property
    def params(self) -> Params:
        """The configuration's parameters."""
        return self.configuration.params
