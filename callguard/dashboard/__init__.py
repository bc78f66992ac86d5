"""Pages for people: what is happening on the calls now, why the risk is what it is, and who was told."""
