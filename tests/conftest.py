"""What holds for all tests: no test is timed, so a slow machine fails none; and Ctrl-C can be tried, also where a shell in the background
had it ignored."""

import signal

from hypothesis import settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
