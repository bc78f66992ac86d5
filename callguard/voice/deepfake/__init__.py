"""Whether a voice is synthetic: the port every detector serves, the guard before it, and the detectors."""
