"""What signal processing measures of a voice: levels, spectrum, pitch, formants, perturbation, phase."""
