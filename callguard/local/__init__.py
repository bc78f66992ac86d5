"""What lets callguard run on one machine without accounts: Twilio stand-in, embedded Postgres, demo."""
