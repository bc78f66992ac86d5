"""callguard listens in on a vulnerable person's phone calls for them, and gets help while the scammer talks.

One call in seven steps, each in a room of its own:

1. `intake`      the phone rings: the webhook is verified, the call stored, TwiML answered, the person dialled
2. `media`       audio arrives: speech is counted, the last seconds are kept in memory, nothing on disk
3. `transcript`  words arrive: stored once and in order; a trigger in Postgres looks for keywords
4. `analysis`    a keyword was heard: the words are scored, and judged by an LLM where one is set up
5. `alerting`    help is called: contacts are told once each, and their messages followed
6. `dashboard`   people see the call, the risk and its reasons, and who was told; `evidence`: contacts do
7. `local`       all of it on one machine: embedded Postgres, a stand-in for Twilio, recognition, the demo

Below them stand `domain` (what things are, pure), `db`, `telephony` and `trust`; `parts` puts all
together, `app` has the doors, `server` and `cli` run them. docs/architecture.md draws the way.
"""
