"""Twilio's REST API in memory, as much of it as a telephony asks for."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from aiohttp import web
from aiohttp.typedefs import Handler

ACCOUNT = "AC0123456789abcdef0123456789abcdef"
LEG, CONFERENCE, MESSAGE = "CA" + "1" * 32, "CF" + "2" * 32, "SM" + "3" * 32


class TwilioApi:
    """Twilio's side of the wire: what it was asked, and the refusals it gives before it takes a request."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, list[tuple[str, str]]]] = []
        self.credentials: set[str] = set()
        self.refusals: list[tuple[int, object]] = []
        self.bodies: list[str] = []
        self.labels = ["caller", "person"]
        self.calls: list[dict[str, str]] = []
        self.takes_part = True
        self.recordings: dict[str, bytes] = {}
        self.before_answering: Callable[[web.Request], Awaitable[None]] | None = None

    def app(self) -> web.Application:
        root = f"/2010-04-01/Accounts/{ACCOUNT}"

        @web.middleware
        async def noted(request: web.Request, handler: Handler) -> web.StreamResponse:
            return await self._noted(request, handler)

        app = web.Application(middlewares=[noted])
        app.router.add_post(f"{root}/Conferences/{{name}}/Participants.json", self._participant)
        app.router.add_get(f"{root}/Conferences/{{name}}/Participants.json", self._participants)
        app.router.add_post(f"{root}/Conferences/{{sid}}/Participants/{{call}}.json", self._participates)
        app.router.add_get(f"{root}/Conferences.json", self._conferences)
        app.router.add_get(f"{root}/Calls/{{sid}}.json", self._status)
        app.router.add_post(f"{root}/Calls/{{sid}}.json", self._call)
        app.router.add_post(f"{root}/Calls.json", self._placed)
        app.router.add_get(f"{root}/Calls.json", self._calls)
        app.router.add_post(f"{root}/Calls/{{sid}}/Streams.json", self._stream)
        app.router.add_post(f"{root}/Calls/{{sid}}/Transcriptions.json", self._transcription)
        app.router.add_post(f"{root}/Calls/{{sid}}/Transcriptions/{{key}}.json", self._transcription)
        app.router.add_post(f"{root}/Messages.json", self._message)
        app.router.add_get(f"{root}/Messages.json", self._messages)
        app.router.add_get(f"{root}/IncomingPhoneNumbers.json", self._numbers)
        app.router.add_get(f"{root}/Recordings/{{file}}", self._recording)
        app.router.add_delete(f"{root}/Recordings/{{file}}", self._recording)
        return app

    async def _noted(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        form = await request.post()
        given = [(name, str(value)) for name, value in (*request.query.items(), *form.items())]
        self.requests.append((request.method, request.path, given))
        self.credentials.add(request.headers.get("Authorization", ""))
        if self.before_answering is not None:
            await self.before_answering(request)
        if self.refusals:
            status, body = self.refusals.pop(0)
            if isinstance(body, str):
                return web.Response(status=status, text=body)
            return web.json_response(body, status=status)
        return await handler(request)

    async def _participant(self, request: web.Request) -> web.Response:
        label = request.match_info.get("label") or (await request.post())["Label"]
        answer = {"account_sid": ACCOUNT, "call_sid": LEG, "conference_sid": CONFERENCE, "label": label}
        return web.json_response(answer, status=201)

    async def _participants(self, request: web.Request) -> web.Response:
        found = [
            {"call_sid": LEG if label == "person" else "CA" + "9" * 32, "label": label}
            for label in self.labels
        ]
        return _page(request, "participants", found)

    async def _conferences(self, request: web.Request) -> web.Response:
        known = request.query.get("FriendlyName") == "User-1-2"
        return _page(request, "conferences", [{"sid": CONFERENCE}] if known else [])

    async def _participates(self, request: web.Request) -> web.Response:
        if not self.takes_part:
            return web.json_response({"code": 20404, "message": "Not found", "status": 404}, status=404)
        return web.json_response({"call_sid": request.match_info["call"], "account_sid": ACCOUNT})

    async def _status(self, request: web.Request) -> web.Response:
        return web.json_response({"sid": request.match_info["sid"], "status": "completed"})

    async def _call(self, request: web.Request) -> web.Response:
        return web.json_response({"sid": request.match_info["sid"], "account_sid": ACCOUNT})

    async def _placed(self, _request: web.Request) -> web.Response:
        return web.json_response({"sid": LEG, "account_sid": ACCOUNT}, status=201)

    async def _calls(self, request: web.Request) -> web.Response:
        return _page(request, "calls", self.calls)

    async def _stream(self, request: web.Request) -> web.Response:
        return web.json_response({"sid": "MZ" + "4" * 32, "call_sid": request.match_info["sid"]}, status=201)

    async def _transcription(self, request: web.Request) -> web.Response:
        return web.json_response({"sid": "GT" + "5" * 32, "call_sid": request.match_info["sid"]}, status=201)

    async def _message(self, request: web.Request) -> web.Response:
        self.bodies.append(str((await request.post())["Body"]))
        return web.json_response({"sid": MESSAGE, "status": "queued", "body": self.bodies[-1]}, status=201)

    async def _messages(self, request: web.Request) -> web.Response:
        found = [
            {"sid": f"SM{at:032}", "status": "sent", "body": body} for at, body in enumerate(self.bodies)
        ]
        return _page(request, "messages", found)

    async def _recording(self, request: web.Request) -> web.Response:
        if request.match_info["file"].removesuffix(".wav").removesuffix(".json") not in self.recordings:
            return web.json_response({"code": 20404, "message": "Not found", "status": 404}, status=404)
        if request.method == "DELETE":
            return web.Response(status=204)
        return web.Response(body=self.recordings[request.match_info["file"].removesuffix(".wav")])

    async def _numbers(self, request: web.Request) -> web.Response:
        found: list[dict[str, str | None]] = [
            {
                "voice_url": "https://calls.example.org/incoming-call",
                "voice_fallback_url": "https://static.example",
            },
            {"voice_url": None, "voice_fallback_url": None},
        ]
        return _page(request, "incoming_phone_numbers", found)

    def form(self, at: int = -1) -> dict[str, str]:
        return dict(self.requests[at][2])


def _page(request: web.Request, key: str, found: Sequence[Mapping[str, object]]) -> web.Response:
    return web.json_response(
        {key: found, "page": 0, "page_size": 50, "uri": request.path, "next_page_uri": None}
    )
