"""callguard listens in on a vulnerable person's phone calls for them, and gets help while the scammer
talks.
"""
