"""Why an alert was sent, on a page for whoever got it: what was said, what it was judged by, what to do."""
