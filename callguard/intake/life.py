"""A call's life in the database: it moves by the transitions that `domain/call.py` declares."""

from uuid import UUID

from callguard.db.pool import Row, Session
from callguard.domain.call import TRANSITIONS, Life, Turn


async def move(session: Session, call_id: UUID, turn: Turn | None, leg_sid: str | None = None) -> Row | None:
    """Moves a call on; the call (`is_awake`: a keyword was heard) where that has just ended it.

    A leg that was given up is no way to the person, and a machine counts where no person is on the line.
    """
    if turn is None:
        return None
    call = await session.row("calls.life", call_id, leg_sid)
    if call is None or (turn is Turn.PERSON_CAME and call["given_up"]):
        return None
    if turn is Turn.MACHINE_CAME and call["has_person"]:
        return None
    before = Life.of(is_over=call["is_over"], is_connected=call["is_connected"])
    after = TRANSITIONS[before, turn]
    if after is not before:
        await session.run("calls.live", call_id, after.is_over, after.is_connected)
    return call if after.is_over and not before.is_over else None
