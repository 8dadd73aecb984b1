"""`auton tick`: look, decide, write, and again, until there is nothing left to do.

Safe to run at any time, any number of times, and to kill at any moment: what it knows stands on the forge, and the next
tick goes on from there.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from bot import scratch
from bot.config import Config
from bot.errors import ForgeError
from bot.forge.client import Forge
from bot.forge.git import Git
from bot.forge.wire import Uncertain
from bot.reconcile import model as m
from bot.reconcile import predict, snapshot
from bot.reconcile.act import Acts, Outdated
from bot.reconcile.decide import decide
from bot.reconcile.lock import Lock

WORKFLOW = "auton-tick.yml"
MOST_ROUNDS = 200
LONGEST_NAP = 5.0  # seconds that a tick waits for a dispatch to show before it leaves that to the next one


class Busy(ForgeError):
    """Another tick is running; it, or the one started after it, does what there is to do."""


def now_utc() -> datetime:
    return datetime.now(UTC)


def tick(forge: Forge, config: Config, *, tell: Callable[[str], None] = lambda line: None,
         lock: Lock | None = None, clock: Callable[[], datetime] = now_utc,
         sleep: Callable[[float], None] = time.sleep, wait: float = 120.0) -> int:
    """Rounds until nothing is left to do; how many actions were carried out. Busy if another tick doesn't end."""
    lock = lock or Lock(forge)
    if (other := lock.take(wait)) is not None:
        raise Busy(f"another tick is running ({other})", "nothing is lost: run `auton tick` again when it has ended")
    try:
        with scratch.folder("tick") as folder:
            git = our_clone(folder / "queue.git", forge, config)
            return _rounds(forge, git, config, lock.main, tell, clock, sleep)
    finally:
        lock.release()


def go_on(forge: Forge, config: Config, reason: str, **options) -> None:
    """What `apply` and `report` end with: tick here and now, or start a tick that will see what was just written.

    It spares a workflow run for each step. A tick that runs beside us may have looked before we wrote.
    """
    try:
        tick(forge, config, wait=0, **options)
    except ForgeError:
        forge.dispatch(WORKFLOW, {"reason": reason})


def our_clone(path: Path, forge: Forge, config: Config) -> Git:
    name = config.forge.bot
    return Git(path, f"{forge.server}/{forge.repo}.git", forge.token, name=name,
               email=f"{name}@users.noreply.github.com", after_call=forge.wire.after_call)


def _rounds(forge, git, config, main, tell, clock, sleep) -> int:
    acts, done, doubts = Acts(forge, git, config, tell), 0, 0
    for _ in range(MOST_ROUNDS):
        now = clock()
        snap, main = snapshot.read(forge, git, config, now, main), None
        decision = decide(snap, config, now)
        actions = [a for a in decision.actions if not _just_started(a, acts, now, forge)]
        if not actions:
            nap = (decision.wake - clock()).total_seconds() if decision.wake else None
            if nap is None or nap > LONGEST_NAP:
                return done
            sleep(max(nap, 0.05))
            continue
        try:
            acts.perform(actions, now)
            done += len(actions)
            expected = predict.after(snap, actions, m.now_text(now))
            ahead = decide(expected, config, now) if expected else None
            if ahead and not ahead.actions and ahead.wake is None:
                return done
        except Outdated as error:
            tell(f"{error} has moved; looking again")
        except Uncertain:
            doubts += 1
            if doubts > 5:
                raise
            sleep(0.2 * doubts)
    return done


def _just_started(action: m.Action, acts: Acts, now: datetime, forge: Forge) -> bool:
    """Whether this process has dispatched that run a moment ago, and it merely does not show yet."""
    if not isinstance(action, m.StartAgent | m.StartVerify) or action.key not in acts.started:
        return False
    return (now - acts.started[action.key]).total_seconds() < (2.0 if forge.local else 60.0)
