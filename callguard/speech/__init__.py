"""Speech recognition in this house: a port, and Whisper behind it, offline and in memory.

`port` is what a recogniser takes and tells, `recogniser` the packaged model, `wav` what files bring.
"""
