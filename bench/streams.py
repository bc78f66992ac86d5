"""The audio of many calls at once, each frame when it is due, from a process of its own."""

import socket
import time
from multiprocessing.connection import Connection
from urllib.parse import urlsplit

from bench.media_ingest import FRAMES_A_SECOND, GOODBYE, STREAM, call_audio, masked, upgraded


def play_all(
    url: str,
    signature: str,
    calls: list[tuple[str, str]],
    seconds: int,
    spoken: bytes | None,
    pipe: Connection,
) -> None:
    """A process: every frame of every call when it is due. Tells when it begins, how late it was, and
    how long the server took for the rest.
    """
    audio = call_audio(seconds, spoken)
    sockets, frames = [], []
    for number, (sid, token) in enumerate(calls):
        stream = f"MZ{number:032x}"
        sockets.append(join(url, signature, sid, token, stream))
        frames.append([frame.replace(STREAM.encode(), stream.encode()) for frame in audio])
    begin = time.monotonic() + 1
    pipe.send(begin)
    offsets = [number * 0.618034 % 1 for number in range(len(calls))]
    schedule = sorted(
        (begin + offset + number / FRAMES_A_SECOND, call, number)
        for call, offset in enumerate(offsets)
        for number in range(len(audio))
    )
    late = 0.0
    for due, call, number in schedule:
        wait = due - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        late = max(late, -wait)
        sockets[call].sendall(frames[call][number])
    over = time.monotonic()
    for number, one in enumerate(sockets):
        one.sendall(masked({"event": "stop", "streamSid": f"MZ{number:032x}"}))
    for one in sockets:
        while b"\x88" not in one.recv(4096):
            pass
    pipe.send((late * 1000, (time.monotonic() - over) * 1000))
    for one in sockets:
        one.sendall(GOODBYE)
        one.close()


def join(url: str, signature: str, sid: str, token: str, stream: str) -> socket.socket:
    """A call's stream, admitted."""
    parts = urlsplit(url)
    call = upgraded(parts.port or 80, f"X-Twilio-Signature: {signature}", parts.path)
    start = {
        "streamSid": stream,
        "callSid": sid,
        "tracks": ["inbound", "outbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": {"token": token},
    }
    call.sendall(
        masked({"event": "connected"}) + masked({"event": "start", "start": start, "streamSid": stream})
    )
    return call
