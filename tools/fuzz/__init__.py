"""A small fuzzer for every reader of the parts: damaged files must be read or refused with an InputError, nothing else.

nox -s fuzz -- --seconds 300            all readers in turn
nox -s fuzz -- --only video-mp4         one of them
nox -s fuzz -- --only flo --file bad    what a saved file does
"""
