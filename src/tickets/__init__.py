"""Support tickets between the users of a platform and its admin team."""
