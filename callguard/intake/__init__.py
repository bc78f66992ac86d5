"""The phone rings: Twilio's webhooks are verified, parsed into facts, recorded once, and answered with
TwiML.
"""
