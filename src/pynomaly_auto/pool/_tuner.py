"""What Ray Tune is given: a searcher, a callback, a stopper and a trainable, all of which ask the conductor."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Protocol

from pynomaly_auto.pool._bench import Bench, Terms
from pynomaly_auto.pool._cluster import line


class Desk(Protocol):
    """What the tuner asks of the conductor."""

    def hand_out(self, name: str) -> dict[str, Any] | str | None:
        """A trial's configuration; None: none now; an empty text: never again."""
        ...

    def trial_lost(self, name: str) -> None:
        """A trial's node or process is gone, and Tune starts it again."""
        ...

    def trial_ended(self, name: str, *, error: str | None = None) -> None:
        """A trial is over, or is given up."""
        ...

    def only_waiting(self) -> bool:
        """Whether no more jobs will come, and no trial has a place any more."""
        ...


def run_tuner(desk: Desk, storage: str, bundles: tuple[Mapping[str, float], Mapping[str, float]], terms: Terms) -> None:
    """Run the tuner until the conductor says that no more jobs will come.

    Args:
        desk: The conductor.
        storage: Folder for what Tune writes.
        bundles: What a trial takes, in Ray's words: of one without a GPU, of one with.
        terms: Of all trials.
    """
    from ray import tune

    def bundle(config: Mapping[str, Any]) -> Any:
        return tune.PlacementGroupFactory([dict(bundles[bool(config["gpu"])])])

    tuner = tune.Tuner(
        tune.with_resources(_trainable(), bundle),
        param_space={"terms": asdict(terms)},
        tune_config=tune.TuneConfig(search_alg=_searcher(desk), num_samples=-1, reuse_actors=True),
        run_config=tune.RunConfig(
            name="trials",
            storage_path=storage,
            verbose=0,
            callbacks=[_callback(desk)],
            stop=_stopper(desk),
            # A job's own failure is its outcome: what fails for Tune has lost its node, and is placed once more.
            failure_config=tune.FailureConfig(max_failures=1),
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),  # a trial is one step: it leaves no state
        ),
    )
    tuner.fit()


def _searcher(desk: Desk) -> Any:
    """A searcher that suggests as many trials as there is to be room for."""
    from ray.tune.search import Searcher

    class Submitted(Searcher):  # type: ignore[misc]
        def suggest(self, trial_id: str) -> Any:
            said = desk.hand_out(trial_id)
            return Searcher.FINISHED if said == "" else said

        def on_trial_complete(self, trial_id: str, result: Any = None, error: bool = False) -> None:
            if not error:  # else the callback says why
                desk.trial_ended(trial_id)

        def set_search_properties(self, metric: Any, mode: Any, config: Any, **spec: Any) -> bool:
            return True  # there is no space to search here: what to try is decided by who submits

        # The tuner copies and stores its searcher, for a restoration that never comes.
        def save(self, checkpoint_path: str) -> None: ...

        def restore(self, checkpoint_path: str) -> None: ...

        def save_to_dir(self, *_: Any, **__: Any) -> None: ...

        def __deepcopy__(self, _: Any) -> Any:
            return self

        def __reduce__(self) -> tuple[Any, ...]:
            return (str, ("what was submitted",))

    return Submitted()


def _callback(desk: Desk) -> Any:
    """Tells of trials whose worker was lost, or could not be started."""
    from ray import tune

    class Lost(tune.Callback):  # type: ignore[misc]
        def on_trial_recover(self, iteration: int, trials: Any, trial: Any, **_: Any) -> None:
            desk.trial_lost(trial.trial_id)

        def on_trial_error(self, iteration: int, trials: Any, trial: Any, **_: Any) -> None:
            error = None
            with contextlib.suppress(Exception):
                error = trial.get_error()
            desk.trial_ended(trial.trial_id, error="no reason is known" if error is None else line(error))

        def __reduce__(self) -> tuple[Any, ...]:
            return (str, ("lost trials",))

        def __deepcopy__(self, _: Any) -> Any:
            return self

    return Lost()


def _stopper(desk: Desk) -> Any:
    """Ends the tuner, which would else wait until every trial has had a place."""
    from ray import tune

    class Finished(tune.Stopper):  # type: ignore[misc]
        def __call__(self, trial_id: str, result: Any) -> bool:
            return False

        def stop_all(self) -> bool:
            return desk.only_waiting()

        def __reduce__(self) -> tuple[Any, ...]:
            return (str, ("finished",))

        def __deepcopy__(self, _: Any) -> Any:
            return self

    return Finished()


def _trainable() -> Any:
    """What Ray Tune starts on a node for a trial, and reuses for the next."""
    from ray import tune

    class Trial(tune.Trainable):  # type: ignore[misc]
        def setup(self, config: dict[str, Any]) -> None:
            self.bench = Bench(Terms(**config["terms"]))

        def reset_config(self, new_config: dict[str, Any]) -> bool:
            return True

        def step(self) -> dict[str, Any]:
            return {**self.bench.carry_out(self.trial_id), "done": True}

        def cleanup(self) -> None:
            with contextlib.suppress(Exception):
                self.bench.close()

    return Trial
