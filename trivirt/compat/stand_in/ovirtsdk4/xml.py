"""Reading and writing XML piece by piece."""

from trivirt.compat._xml_reader import XmlReader
from trivirt.compat._xml_writer import XmlWriter

__all__ = ["XmlReader", "XmlWriter"]
