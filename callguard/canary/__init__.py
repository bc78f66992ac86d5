"""The canary: callguard calls itself for a person, and proves stage by stage that protection is on."""
