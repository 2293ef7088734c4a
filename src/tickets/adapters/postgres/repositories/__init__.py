"""The ports of the ticket store on PostgreSQL."""
