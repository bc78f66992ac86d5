"""Where audio arrives: Twilio's media-stream frames become placed audio and heard speech, in memory only.

`messages` reads the frames, `session` is one stream's rules without a socket, `ring` keeps a track's last
half minute, `vad` finds speech in it, and `endpoint` pumps a WebSocket into a session and closes it.
"""
