"""The words are judged: what wakes the analyzer, what the local scorer makes of them, what an LLM adds."""
