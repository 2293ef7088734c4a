-- Message m as encoded JSON, as the service encodes it elsewhere: `Message`. Times are in UTC, with
-- microseconds if there are any. The check constraint keeps `sender_type` free of what JSON
-- escapes. Bytes already here, and the brackets of the array in the process: each copy of a long
-- page takes PostgreSQL a millisecond, as its memory is new every time.
convert_to(
    format(
        '{"id":%s,"ticket_id":%s,"sender_type":"%s","sender_id":%s,"message":%s,"created_at":"%s",'
            '"ordinal":%s,"sender_name":%s}',
        m.id, m.ticket_id, m.sender_type, coalesce(m.sender_id::text, 'null'), to_json(m.message),
        replace(
            to_char(m.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '.000000', ''
        ),
        m.ordinal, coalesce(to_json(m.sender_name)::text, 'null')
    ),
    'UTF8'
)
