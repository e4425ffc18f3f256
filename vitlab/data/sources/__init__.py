"""Where labelled images come from. Each source is a table first; pixels come later, one by one."""

from vitlab.data.sources.opening import open_source
from vitlab.data.sources.remarks import Remark
from vitlab.data.sources.source import Source

__all__ = ["Remark", "Source", "open_source"]
