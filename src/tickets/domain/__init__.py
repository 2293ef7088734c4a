"""The core: standard library only, no input or output, no clock."""
