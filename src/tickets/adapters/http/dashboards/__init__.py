"""Serves the pages and modules of the two dashboards."""
