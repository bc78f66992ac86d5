"""Another sampling rate for what is to be measured."""

import numpy as np
from numpy.typing import NDArray


def whole_band(samples: NDArray[np.float64], rate: int, to: int) -> NDArray[np.float64]:
    """The samples at the rate `to` (both in Hz), with everything below half of the lower rate as it was.

    The filter of `resampling` falls off before that, as one for ears and streams should; a predictor would
    spend poles on its slope. This one has no slope, since it cuts or widens the spectrum of the whole
    recording, and in return rings softly around clicks, and from one end to the other.
    """
    if rate == to:
        return samples
    length = round(len(samples) * to / rate)
    spectrum = np.fft.rfft(samples)[: length // 2 + 1]
    return np.fft.irfft(spectrum, length) * (to / rate)
