"""Access logs: actions by role, bytes by action, users with hosts, a country and working hours of their own."""

from __future__ import annotations

import numpy as np
import pandas as pd

from meta_datasets.synthetic._draft import Draft, Planted, at_hour, clock, coded, days, lognormal, weights

_ACTIONS = {
    "clerk": ("login", "read", "download"),
    "analyst": ("login", "read", "query", "download"),
    "engineer": ("login", "deploy", "query", "restart"),
    "auditor": ("login", "read", "export"),
}
# Usual number of bytes, and spread on the log scale.
_BYTES = {
    "login": (900.0, 0.15),
    "read": (14000.0, 0.5),
    "download": (900000.0, 0.6),
    "query": (52000.0, 0.6),
    "deploy": (4200000.0, 0.4),
    "restart": (1400.0, 0.2),
    "export": (2500000.0, 0.5),
}
_ROLES = np.array(list(_ACTIONS), dtype=object)
_PLACES = np.array(["DE", "IE", "IN", "US"], dtype=object)


def access_logs(rng: np.random.Generator, rows: int, each: int) -> Planted:
    """Requests of two months; planted: bytes, action, hour, country, failures."""
    draft = Draft(_ordinary(rng, rows), rng)
    at = draft.take(each, np.isin(draft["action"], ("login", "restart")) & (draft["status"] == 200))
    sent = np.round(lognormal(rng, np.full(each, 2500000.0), 0.4)).astype(np.int64)
    draft.change("bytes", at, {"bytes": sent}, odd=("bytes", "action"))
    at = draft.take(each, np.isin(draft["role"], ("clerk", "auditor")))
    sent = np.round(lognormal(rng, np.full(each, _BYTES["deploy"][0]), _BYTES["deploy"][1])).astype(np.int64)
    draft.change("action", at, {"action": "deploy", "bytes": sent, "status": 200}, odd=("action", "role"))
    at = draft.take(each, draft["role"] != "engineer")
    draft.change("hour", at, {"timestamp": at_hour(draft["timestamp"][at], 2.0 + 2.0 * rng.random(each))})
    for row in draft.take(each):
        others = _PLACES[draft["country"][row] != _PLACES]
        draft.change("country", np.array([row]), {"country": rng.choice(others)}, odd=("country", "user"))
    _failures(draft, each)
    return draft.finish("access_logs", by="timestamp")


def _ordinary(rng: np.random.Generator, rows: int) -> pd.DataFrame:
    users = 45
    role_of = _ROLES[np.arange(users) % len(_ROLES)]
    place_of = rng.choice(_PLACES, users, p=weights(rng, len(_PLACES), 8.0))
    starts_of = rng.uniform(6.5, 9.5, users)
    user = rng.choice(users, rows, p=weights(rng, users, 6.0))
    role = role_of[user]
    action = np.array([rng.choice(_ACTIONS[r]) for r in role], dtype=object)
    facts = np.array([_BYTES[a] for a in action])
    failed = rng.random(rows) < np.where(action == "login", 0.04, 0.01)
    sent = np.where(failed, 310.0, lognormal(rng, facts[:, 0], facts[:, 1]))
    host = np.where(rng.random(rows) < 0.9, user, 100 + rng.integers(4, size=rows))
    return pd.DataFrame(
        {
            "timestamp": clock(rng, days(rng, rows, "2024-03-01", 60), starts_of[user], starts_of[user] + 10.0),
            "user": coded("u", user, 3),
            "role": role,
            "host": coded("ws-", host, 3),
            "country": place_of[user],
            "action": action,
            "status": np.where(failed, np.where(action == "login", 401, 500), 200),
            "bytes": np.round(sent).astype(np.int64),
        }
    )


def _failures(draft: Draft, each: int) -> None:
    """Logins of one user that fail one after the other within two minutes."""
    anchor = draft.frame.iloc[draft.take(1)[0]]
    rows = pd.DataFrame([anchor] * each).astype(draft.frame.dtypes.to_dict())
    rows["action"], rows["status"], rows["bytes"] = "login", 401, 310
    rows["timestamp"] = anchor["timestamp"] + pd.to_timedelta(np.sort(draft.rng.integers(2, 120, each)), unit="s")
    draft.insert("failures", rows, odd=("timestamp", "user", "status"))
