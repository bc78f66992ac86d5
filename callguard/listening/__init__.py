"""How well a call is listened to: faults are noticed and stored, broken streams restarted, and where Twilio's
words fail to come the words are recognised in this house.

`watch` holds the queue's handlers, `book` compares what streams bring with the words that came of it, and
`local` recognises what they bring, in memory.
"""
