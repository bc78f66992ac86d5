"""The way to Twilio's REST API: dial, end and redirect legs, send messages, look up what took effect."""
