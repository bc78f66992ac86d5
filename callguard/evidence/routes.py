"""The door behind an alert's link.

Opening the page does nothing: those who open links before people do (previews, scanners) would otherwise
answer alerts. A button of the page answers, by a POST that carries what only the page has got. There is no
session whose standing another site could borrow: whoever can write the address has the link itself.
"""

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from callguard.alerting.answers import Answers
from callguard.db.pool import Database
from callguard.domain.replies import Action
from callguard.errors import DatabaseError
from callguard.evidence.page import HEADERS, SEEN, buttons, render, render_away, render_gone
from callguard.evidence.source import Evidence, evidence_of
from callguard.trust.forms import from_elsewhere, small_form
from callguard.trust.links import PATH, AlertLinks


def evidence_routes(database: Database, answers: Answers, links: AlertLinks, hours: float) -> list[Route]:
    """The page of an alert, for `hours` after it was decided."""

    async def evidence(request: Request) -> Response:
        found = await _found(request)
        if found is None:
            return _gone()
        if request.method == "POST":
            return await _answer(request, found)
        return HTMLResponse(render(found, links.form(found.alert_id)), headers=HEADERS)

    async def _found(request: Request) -> Evidence | None:
        alert_id = links.read(request.path_params["token"])
        return await evidence_of(database, alert_id, hours=hours) if alert_id else None

    async def _answer(request: Request, found: Evidence) -> Response:
        form = await small_form(request)
        action = form.get("action", "")
        if not links.is_form(found.alert_id, form.get("form", "")) or from_elsewhere(request):
            return _gone(403)
        if action in buttons(found):
            asked = None if action == SEEN else Action(action)
            await answers.clicked(found.tenant_id, found.alert_id, asked)
        return RedirectResponse(PATH + links.token(found.alert_id), status_code=303, headers=HEADERS)

    async def endpoint(request: Request) -> Response:
        try:
            return await evidence(request)
        except DatabaseError:
            return HTMLResponse(render_away(), status_code=503, headers=HEADERS)

    return [Route(f"{PATH}{{token}}", endpoint, methods=["GET", "POST"])]


def _gone(status: int = 404) -> Response:
    return HTMLResponse(render_gone(), status_code=status, headers=HEADERS)
