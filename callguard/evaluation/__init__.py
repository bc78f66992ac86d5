"""How well calls are judged: dialogues replayed turn by turn, figures with their intervals, and what another
set-up would have done with the calls that were. It looks on: nothing here writes or sends.
"""
