"""`maskreel web`: a page on this machine alone, on which parts offer what they do.

A part describes its page with the values below and registers a function that returns it under the entry-point group
`maskreel.pages`, in a module that imports nothing else. The server turns a page's orders into `maskreel` commands, each
in a process of its own; nothing here imports the web server's libraries, torch or a part before it is asked for.
"""

from maskreel.common.web._describe import PICTURES, VIDEOS, Choice, FileInput, Order, Result, Step, WebPage

__all__ = ["PICTURES", "VIDEOS", "Choice", "FileInput", "Order", "Result", "Step", "WebPage"]
