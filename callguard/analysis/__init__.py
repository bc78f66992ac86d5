"""The words are judged: which ones wake the analyzer, what the local scorer makes of them, what an LLM adds."""
