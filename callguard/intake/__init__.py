"""The phone rings: webhooks are verified, parsed into facts, recorded once, and answered with TwiML."""
