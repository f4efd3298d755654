"""The version, in the one place that the build reads too."""

__version__ = "2.0.0"
