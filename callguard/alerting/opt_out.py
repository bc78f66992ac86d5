"""A contact who sent STOP is rung from then on, and the operator is told; START takes that back."""

from uuid import UUID

from callguard.db.pool import Session
from callguard.domain.notices import Kind
from callguard.transcript import notices


async def opted_out(session: Session, tenant_id: UUID, contact_id: UUID) -> None:
    """The carrier drops what we would send to this contact."""
    user_id = await session.value("answers.opt_out", contact_id)
    if user_id is not None:
        await notices.stand(session, tenant_id, user_id, Kind.CONTACT_OPTED_OUT, contact_id)


async def opted_in(session: Session, tenant_id: UUID, contact_id: UUID) -> None:
    """Messages reach this contact again."""
    user_id = await session.value("answers.opt_in", contact_id)
    if user_id is not None:
        await notices.settle(session, tenant_id, user_id, [Kind.CONTACT_OPTED_OUT], contact_id)
