"""The drill, short: it passes with our rules and fails without each of them, or it would prove nothing (S-376)."""

from datetime import timedelta

from keys.drill import Drill, DrillPlan, DrillReport
from keys.policy import KeyPolicy

OFTEN = KeyPolicy(algorithms=("ES256",), rotate_after=timedelta(hours=30), laggards_hold=timedelta(hours=6))
AT_ONCE = KeyPolicy(algorithms=("ES256",), rotate_after=timedelta(hours=1), laggards_hold=timedelta(0))


def drill(policy: KeyPolicy, days: int = 4, *, overlap: bool = True, evidence: bool = True) -> DrillReport:
    return Drill(DrillPlan(days=days, policy=policy, overlap=overlap, evidence=evidence)).run()


def test_nobody_who_follows_the_rules_notices_and_who_does_not_is_named_before() -> None:
    report = drill(OFTEN)
    assert report.passed
    assert report.failed_verifications == 0
    assert report.verifications > 5_000
    assert report.rotations >= 1 and report.compromises == 1
    assert report.named_before_promotion == ["for-ever"]
    assert report.failures_by_client["for-ever"] > 0, "the rule breaker does break"


def test_without_overlap_the_same_drill_fails() -> None:
    report = drill(OFTEN, overlap=False)
    assert not report.passed
    assert report.failed_verifications > 0


def test_without_evidence_the_rule_breaker_is_not_named_and_the_drill_fails() -> None:
    report = drill(OFTEN, evidence=False)
    assert not report.passed
    assert report.named_before_promotion == []


def test_rotations_as_fast_as_rule_1_allows_break_nobody() -> None:
    """Each successor becomes active the moment its lead is over: the edge itself."""
    report = drill(AT_ONCE, days=5)
    assert report.rotations >= 3
    assert report.failed_verifications == 0


def test_a_lead_shorter_than_the_slowest_cache_fails() -> None:
    """S-374."""
    policy = KeyPolicy(
        algorithms=("ES256",),
        rotate_after=timedelta(hours=1),
        slowest_cache=timedelta(hours=12),
        laggards_hold=timedelta(0),
    )
    report = drill(policy, days=2, evidence=False)
    assert report.failures_by_client.get("a-day", 0) > 0
    assert report.failed_verifications > 0


def test_a_tail_shorter_than_a_token_s_life_fails() -> None:
    """S-375: with rule 3 broken, tokens outlive the key that signed them."""
    settings = {"algorithms": ("ES256",), "rotate_after": timedelta(hours=25), "laggards_hold": timedelta(0)}
    assert drill(KeyPolicy(**settings), days=3).failures_by_client.get("no-cache", 0) == 0
    assert drill(_Tailless(**settings), days=3).failures_by_client["no-cache"] > 0


class _Tailless(KeyPolicy):
    """Rule 3 switched off."""

    @property
    def tail(self) -> timedelta:
        return timedelta(0)
