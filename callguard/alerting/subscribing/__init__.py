"""The page on which a contact turns alerts on and off for the browser they hold: reached by a signed link."""
