"""What a call, its words, its risk and its alerts are. Pure: no await, no clock, no network, no database."""
