"""What holds for all tests."""

import signal

from hypothesis import settings

# A busy machine is no defect.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

# What is started in the background of a shell ignores Ctrl-C, and so would the processes that tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
