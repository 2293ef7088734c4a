-- Whether no channel is on, so that nothing is to be delivered.
not exists (select from ticket_channels where disabled_at is null)
