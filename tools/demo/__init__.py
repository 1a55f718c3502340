"""The demo: four systems at work, and one page that shows it. `python tools/demo/make.py --help`."""
