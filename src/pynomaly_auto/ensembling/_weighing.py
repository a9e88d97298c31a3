"""How much each member counts in the ensemble's score, decided once: when it is known how scores are combined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pynomaly_auto.ensembling._combining import COMBINERS
from pynomaly_auto.ensembling._fusing import FUSED_COMBINER, named
from pynomaly_auto.models import Fusion
from pynomaly_auto.records import Ensemble, LeftOut, Member, Reason, Scalar


@dataclass(frozen=True, kw_only=True)
class Weights:
    """What each member counts, and through which of the two combiners.

    Args:
        robust: In the robust mean; they sum to 1.
        importance: In the learned fusion; they sum to 1, or are all 0 where it is not in force.
        fused: Of the learned fusion beside the robust mean; 0: it is not in force.
    """

    robust: tuple[float, ...]
    importance: tuple[float, ...]
    fused: float

    @classmethod
    def of(cls, robust: Sequence[float], names: Sequence[str], fusion: Fusion | None, fused: float) -> Weights:
        """Those of members with these names.

        Args:
            robust: In the robust mean.
            names: As the fusion knows them; empty ones it does not know.
            fusion: The learned fusion, or None.
            fused: Its weight beside the robust mean, where enough of the members are known to it.
        """
        known = () if fusion is None or fused <= 0 else fusion.knows([name for name in names if name])
        importance = {} if fusion is None or not known else fusion.importance(known)
        return cls(
            robust=tuple(robust),
            importance=tuple(importance.get(name, 0.0) for name in names),
            fused=fused if known else 0.0,
        )

    def changed(self, robust: Sequence[float], fused: float | None, *, known: bool) -> Weights:
        """Others for the same members, as `FittedEnsemble.reweighed` has them; ``known``: there is a fusion."""
        total, weight = sum(robust), self.fused if fused is None else fused
        if len(robust) != len(self.robust) or min(robust) < 0 or total <= 0:
            raise ValueError(f"{len(self.robust)} weights, none negative and one above 0, not {list(robust)}.")
        if not 0 <= weight <= 1 or (weight > 0 and not known):
            raise ValueError(f"the learned fusion's weight is {weight}.")
        return replace(self, robust=tuple(float(w) / total for w in robust), fused=weight)

    @property
    def shares(self) -> tuple[float, ...]:
        """In the ensemble's score; they sum to 1."""
        pairs = zip(self.robust, self.importance, strict=True)
        return tuple((1.0 - self.fused) * r + self.fused * i for r, i in pairs)

    def only(self, positions: Sequence[int]) -> Weights:
        """Those of some members, who must have all the weight."""
        return replace(
            self,
            robust=tuple(self.robust[i] for i in positions),
            importance=tuple(self.importance[i] for i in positions),
        )


def weigh(members: Sequence[Member], fusion: Fusion | None, fused: float) -> Weights:
    """Weigh the members that could be fitted.

    Beside the learned fusion the robust mean is that of its base margin's members; else the weights are the members'
    own, in proportion where some are missing. Who has a least share gets it through the robust mean, and both
    combiners give way in proportion.

    Args:
        members: With their weights in the robust mean alone.
        fusion: The learned fusion, or None.
        fused: Its weight beside the robust mean, where enough of the members are known to it.
    """
    names = named(members)
    core = () if fusion is None else fusion.core(names)
    total = sum(m.weight for m in members)
    own = [m.weight / total if total > 0 else 1.0 / len(members) for m in members]
    robust = [(name in core) / len(core) for name in names] if core else own
    return _lifted(Weights.of(robust, names, fusion, fused), [m.least_share for m in members])


def _lifted(weights: Weights, least: Sequence[float]) -> Weights:
    """Give those below their least share what they lack; all shares give way in proportion."""
    shares, given = weights.shares, 0.0
    low = {i for i, share in enumerate(shares) if share < least[i]}
    if not low:
        return weights
    while True:
        held = sum(shares[i] for i in low)
        given = (sum(least[i] for i in low) - held) / (1.0 - held)
        below = {i for i, share in enumerate(shares) if (1.0 - given) * share < least[i]}
        if below == low:
            break
        low = below  # giving way, others have come to be below theirs
    lifts = [least[i] - (1.0 - given) * shares[i] if i in low else 0.0 for i in range(len(shares))]
    fused = weights.fused * (1.0 - given)
    kept = (1.0 - given) * (1.0 - weights.fused)
    robust = tuple((kept * r + lift) / (1.0 - fused) for r, lift in zip(weights.robust, lifts, strict=True))
    return replace(weights, robust=robust, fused=fused)


def settled(chosen: Ensemble, fitted: Sequence[Member], weights: Weights, told: Sequence[Reason]) -> Ensemble:
    """The record of the ensemble as it is: who counts how much, who was left out, and why.

    Args:
        chosen: What was asked for.
        fitted: The members that could be fitted, with the reasons of their fits.
        weights: Of these.
        told: What else is to be told of the ensemble.
    """
    members, without = [], []
    for i, (member, share) in enumerate(zip(fitted, weights.shares, strict=True)):
        if share > 0:
            weighed = replace(member, weight=share)
            reasons = (*member.reasons[:1], _weighed(weighed, weights, i), *member.reasons[1:])
            members.append(replace(weighed, reasons=reasons))
        else:
            without.append(_without_weight(member, weights.fused > 0))
    there = {m.trial for m in fitted}
    missing = [_missing(m) for m in chosen.members if m.trial not in there]
    combiner = FUSED_COMBINER if weights.fused > 0 else chosen.combiner
    head = [_head(chosen, members, weights, combiner)]
    if missing:
        text = f"{len(missing)} of {len(chosen.members)} members could not be fitted; the others share their weight."
        evidence = {"missing": len(missing), "members": len(chosen.members)}
        head.append(Reason(code="ENS-020", subject="ensemble", text=text, evidence=evidence))
    return Ensemble(
        members=tuple(members), combiner=combiner, left_out=(*missing, *without, *chosen.left_out),
        reasons=(*head, *chosen.reasons, *told),
    )  # fmt: skip


def weighed_with(weights: Weights, share: float) -> Weights:
    """Weights of the same members and one more, which has its share of the score through the robust mean."""
    wider = replace(weights, robust=(*weights.robust, 0.0), importance=(*weights.importance, 0.0))
    return _lifted(wider, [*(0.0 for _ in weights.robust), share])


def joined(record: Ensemble, member: Member, weights: Weights) -> Ensemble:
    """The record with one member more.

    Args:
        record: Without it.
        member: The new one.
        weights: Of all members, it being the last.
    """
    text = (
        f"{member.name} has joined with {member.weight:.1%} of the ensemble's score; the others give way in proportion."
    )
    evidence: dict[str, Scalar] = {"weight": member.weight, "members": len(weights.robust)}
    told = Reason(code="ENS-040", subject=member.name, text=text, evidence=evidence)
    new = replace(member, reasons=(*member.reasons[:1], told, *member.reasons[1:]))
    return _weighed_anew(replace(record, members=(*record.members, new)), weights, told)


def reweighed(record: Ensemble, weights: Weights) -> Ensemble:
    """The record of the same members with other weights."""
    robust = 1.0 - weights.fused
    text = f"Members are weighed anew: {robust:.1%} of the ensemble's score through the robust mean."
    evidence: dict[str, Scalar] = {"robust": robust, "fusion": weights.fused, "members": len(weights.robust)}
    return _weighed_anew(record, weights, Reason(code="ENS-041", subject="ensemble", text=text, evidence=evidence))


def _weighed_anew(record: Ensemble, weights: Weights, told: Reason) -> Ensemble:
    """The record with the weights as they are now; in each member's reasons the one about it takes its old place."""
    members = []
    for i, (member, share) in enumerate(zip(record.members, weights.shares, strict=True)):
        now = replace(member, weight=share)
        members.append(replace(now, reasons=(*member.reasons[:1], _weighed(now, weights, i), *member.reasons[2:])))
    combiner = record.combiner if weights.fused > 0 or record.combiner != FUSED_COMBINER else COMBINERS["robust mean"]
    return replace(record, members=tuple(members), combiner=combiner, reasons=(*record.reasons, told))


def _head(chosen: Ensemble, members: Sequence[Member], weights: Weights, combiner: str) -> Reason:
    completed = len(chosen.members) + len(chosen.left_out)
    robust, voting = (sum(w > 0 for w in given) for given in (weights.robust, weights.importance))
    text = f"{len(members)} of {completed} completed trials are combined by the {combiner}."
    if weights.fused > 0:
        text += f" {robust} of them have a part in the robust mean, {voting} in the learned fusion."
    evidence: dict[str, Scalar] = {"members": len(members), "completed": completed, "robust": robust, "fusion": voting}
    return Reason(code="ENS-001", subject="ensemble", text=text, evidence=evidence)


def _weighed(member: Member, weights: Weights, position: int) -> Reason:
    """What a member counts in the ensemble's score, and through which combiner."""
    robust = (1.0 - weights.fused) * weights.robust[position]
    fusion = weights.fused * weights.importance[position]
    text = f"Weight {member.weight:.1%} of the ensemble's score"
    evidence: dict[str, Scalar] = {"weight": member.weight, "robust": robust, "fusion": fusion}
    if weights.fused > 0 and robust > 0:
        text += f": {robust:.1%} through the robust mean, {fusion:.1%} through the learned fusion."
    elif weights.fused > 0:
        text += ", all of it through the learned fusion."
    else:
        text += f", from strength {member.strength:.3f} and diversity {member.diversity:.3f}."
        evidence |= {"strength": member.strength, "diversity": member.diversity}
    if member.least_share > 0:
        text += f" It is to have at least {member.least_share:.0%}."
        evidence["least_share"] = member.least_share
    return Reason(code="ENS-006", subject=member.name, text=text, evidence=evidence)


def agreed(ensemble: Ensemble) -> Ensemble:
    """The record of a smaller ensemble, its members' reasons telling the weights they have now."""
    members = []
    for member in ensemble.members:
        text = f"Weight {member.weight:.1%} of the smaller ensemble's sum, which is to agree with all members."
        why = Reason(code="ENS-006", subject=member.name, text=text, evidence={"weight": member.weight})
        members.append(replace(member, reasons=(*member.reasons[:1], why, *member.reasons[2:])))
    return replace(ensemble, members=tuple(members), evidence=())  # cells are none of its own any more


def _without_weight(member: Member, fusing: bool) -> LeftOut:
    if fusing:
        text = (
            "Left out: the learned fusion does not know it, and the robust mean beside it is that of its base margin."
        )
        return _left_out(member, "ENS-022", text)
    return _left_out(member, "ENS-023", "Left out: it could count in the learned fusion only, which is not in force.")


def _missing(member: Member) -> LeftOut:
    return _left_out(member, "ENS-021", "Left out: it was chosen, but could not be fitted on all rows.")


def _left_out(member: Member, code: str, text: str) -> LeftOut:
    reason = Reason(code=code, subject=member.name, text=text, evidence={"trial": member.trial})
    return LeftOut(trial=member.trial, detector=member.detector, reason=reason)
