"""A scheduled copy of a SMATS iNode account's travel-time links in a warehouse of your own."""

__version__ = "0.1.0"
