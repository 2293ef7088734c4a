-- Adds full-text search over messages, subjects and notes.
--
-- previous release: may serve
--
-- The functions call built-in functions alone, so they need no search_path: not while an index is
-- built, not in a restore. They depend on no collation, no text search configuration, no extension.
-- `domain/search_text.py` follows the same rules to mark what was found; a test compares the two.

-- step: functions

-- Normalises a text for index and query: compatibility characters, case, accents and apostrophes
-- are folded, and punctuation except @ and . within words becomes spaces. An apostrophe stays, as
-- ', for the functions below. Only the first 20,000 characters count. Never raises.
--
-- Case is folded for Latin, Greek, Cyrillic and Armenian. The built-in lower() knows ASCII alone
-- under the collations that are in every database, such as ucs_basic.
create function ticket_search_text(source text) returns text
    language plpgsql immutable strict parallel safe
as $$
declare
    -- scripts that are written without spaces between words
    unspaced constant text collate ucs_basic :=
        '[\u0e01-\u0e4e\u0e81-\u0ecd\u1000-\u109f\u1780-\u17d3\u3005-\u3007\u3041-\u30ff'
        '\u31f0-\u31ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]';
    words text collate ucs_basic := lower(left(source, 20000) collate ucs_basic);
begin
    if octet_length(words) > length(words) then
        words := lower(normalize(replace(words, 'ß', 'ss'), nfkd) collate ucs_basic);
        -- accents and points, joiners, and other characters that are not seen
        words := regexp_replace(words,
            '[\u00ad\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7'
            '\u0610-\u061a\u061c\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8'
            '\u06ea-\u06ed\u180b-\u180f\u1ab0-\u1aff\u1dc0-\u1dff\u200b-\u200f\u202a-\u202e'
            '\u2060-\u206f\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f\ufeff\U000e0000-\U000e0fff]',
            '', 'g');
        -- what is left of most European texts
        words := replace(replace(replace(words, '’', ''''), '–', ' '), '—', ' ');
        words := replace(replace(replace(words, '“', ' '), '”', ' '), '„', ' ');
        if octet_length(words) > length(words) then
            if words ~ '[\u00c0-\u024f\u1e00-\u1eff]' then
                words := translate(words,
                    'øØđĐłŁðÐħĦıŊŦƁƂƄƆƇƉƊƋƎƏƐƑƓƔƖƗƘƜƝƟƢƤƦƧƩƬƮƱƲƳƵƷƸƼǤǶǷȜȠȢȤȺȻȽȾɁɃɄɅɆɈɊɌɎỺỼỾ',
                    'ooddllddhhiŋŧɓƃƅɔƈɖɗƌǝəɛƒɠɣɩɨƙɯɲɵƣƥʀƨʃƭʈʊʋƴƶʒƹƽǥƕƿȝƞȣȥⱥȼƚⱦɂƀʉʌɇɉɋɍɏỻỽỿ');
                words := replace(replace(replace(words, 'ẞ', 'ss'), 'æ', 'ae'), 'Æ', 'ae');
                words := replace(replace(words, 'œ', 'oe'), 'Œ', 'oe');
                words := replace(replace(words, 'þ', 'th'), 'Þ', 'th');
            end if;
            if words ~ '[\u0370-\u03ff]' then
                words := translate(words,
                    'ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩςͰͲͶͿϏϘϚϜϞϠϢϤϦϨϪϬϮϷϺϽϾϿ',
                    'αβγδεζηθικλμνξοπρστυφχψωσͱͳͷϳϗϙϛϝϟϡϣϥϧϩϫϭϯϸϻͻͼͽ');
            end if;
            if words ~ '[\u0402-\u042f]' then
                words := translate(words,
                    'АБВГДЕЖЗИКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯЂЄЅІЈЉЊЋЏ',
                    'абвгдежзиклмнопрстуфхцчшщъыьэюяђєѕіјљњћџ');
            end if;
            if words ~ '[\u0460-\u0556]' then
                words := translate(words,
                    'ѠѢѤѦѨѪѬѮѰѲѴѸѺѼѾҀҊҌҎҐҒҔҖҘҚҜҞҠҢҤҦҨҪҬҮҰҲҴҶҸҺҼҾӀӃӅӇӉӋӍӔӘӠӨӶӺӼӾԀԂԄԆԈԊԌԎԐԒԔԖԘԚԜԞ'
                    'ԠԢԤԦԨԪԬԮԱԲԳԴԵԶԷԸԹԺԻԼԽԾԿՀՁՂՃՄՅՆՇՈՉՊՋՌՍՎՏՐՑՒՓՔՕՖ',
                    'ѡѣѥѧѩѫѭѯѱѳѵѹѻѽѿҁҋҍҏґғҕҗҙқҝҟҡңҥҧҩҫҭүұҳҵҷҹһҽҿӏӄӆӈӊӌӎӕәӡөӷӻӽӿԁԃԅԇԉԋԍԏԑԓԕԗԙԛԝԟ'
                    'ԡԣԥԧԩԫԭԯաբգդեզէըթժիլխծկհձղճմյնշոչպջռսվտրցւփքօֆ');
            end if;
            words := regexp_replace(words, '[\u02b9\u02bc\u2018\u2019\u201b\u2032]', '''', 'g');
            -- punctuation, symbols and spaces
            words := regexp_replace(words,
                '[\u0080-\u00bf\u00d7\u00f7\u037e\u0384\u0385\u0387\u055a-\u055f\u0589\u058a'
                '\u05be\u05c0\u05c3\u05c6\u05f3\u05f4\u060c-\u060f\u061b-\u061f\u066a-\u066d'
                '\u06d4\u0964\u0965\u0970\u0df4\u0e2f\u0e3f\u0e4f\u0e5a\u0e5b\u1361-\u1368\u1680'
                '\u17d4-\u17db\u1800-\u180a\u2000-\u206f\u20a0-\u20cf\u2100-\u2bff\u2e00-\u2e7f'
                '\u2ff0-\u3004\u3008-\u3020\u3030\u303d-\u303f\u30a0\u30fb\ue000-\uf8ff\ufd3e\ufd3f'
                '\ufe10-\ufe6f\uff00-\uff0f\uff5f-\uff65\uffe0-\uffff\U0001d100-\U0001d1ff'
                '\U0001f000-\U0001faff\U000f0000-\U0010ffff]', ' ', 'g');
            -- a run of letters that are written without spaces is a word of its own
            if words ~ unspaced then
                words := regexp_replace(words, '(' || unspaced || '+)', ' \1 ', 'g');
            end if;
        end if;
        words := left(words, 20000);
    end if;
    -- one by one, which takes a third of a regular expression's time
    words := replace(replace(replace(replace(words, e'\n', ' '), e'\r', ' '), e'\t', ' '), ',', ' ');
    words := replace(replace(replace(replace(words, '-', ' '), '/', ' '), ':', ' '), ';', ' ');
    words := replace(replace(replace(replace(words, '!', ' '), '?', ' '), '(', ' '), ')', ' ');
    words := replace(replace(replace(replace(words, '"', ' '), '_', ' '), '=', ' '), '&', ' ');
    words := ' ' || words || ' ';
    words := replace(replace(words, '. ', '  '), ' .', '  ');
    if words ~ '[^a-z0-9@.'' \u0080-\U0010ffff]' then
        words := regexp_replace(words, '[^a-z0-9@.'' \u0080-\U0010ffff]', ' ', 'g');
    end if;
    if words ~ '[.@][.@ ]| [.@]' then
        words := regexp_replace(words, '[.@ ]{2,}', ' ', 'g');
    end if;
    return words;
end
$$;

-- Returns the lexemes of a normalised text, without positions: each word without its apostrophes,
-- and the parts of a word that has @, . or an apostrophe within. Of a word in a script without
-- spaces every two neighbours, and the last letter. Of a long word the first 100 characters.
create function ticket_search_vector(words text) returns tsvector
    language plpgsql immutable strict parallel safe
as $$
declare
    unspaced constant text collate ucs_basic :=
        '[\u0e01-\u0e4e\u0e81-\u0ecd\u1000-\u109f\u1780-\u17d3\u3005-\u3007\u3041-\u30ff'
        '\u31f0-\u31ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]';
    joined text collate ucs_basic := replace(words, '''', '');
    lexemes text[] := string_to_array(joined, ' ');
begin
    if position('.' in joined) > 0 or position('@' in joined) > 0 then
        lexemes := lexemes || string_to_array(translate(joined, '.@', '  '), ' ');
    end if;
    if position('''' in words) > 0 then
        lexemes := lexemes || string_to_array(translate(words, '.@''', '   '), ' ');
    end if;
    if joined ~ unspaced then
        lexemes := array(
            select case when word ~ unspaced then substr(word, n, 2) else word end
              from unnest(lexemes) as word
             cross join generate_series(1, case when word ~ unspaced then length(word) else 1 end) n
        );
    end if;
    if joined ~ '[^ ]{101}' then
        lexemes := array(select left(word, 100) from unnest(lexemes) as word);
    end if;
    return array_to_tsvector(array_remove(lexemes, ''));
end
$$;

-- Returns the query for a normalised text: all of its words, in any order, each as a prefix, but a
-- single letter as a whole. A word with @, . or an apostrophe within is found as it is, or as
-- its parts. Null where there is no word.
create function ticket_search_query(words text) returns tsquery
    language plpgsql immutable strict parallel safe
as $$
declare
    unspaced constant text collate ucs_basic :=
        '[\u0e01-\u0e4e\u0e81-\u0ecd\u1000-\u109f\u1780-\u17d3\u3005-\u3007\u3041-\u30ff'
        '\u31f0-\u31ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]';
    wanted text;
begin
    select string_agg('(' || ways.written || ')', ' & ')
      into wanted
      from (
               select distinct word
                 from unnest(string_to_array(words collate ucs_basic, ' ')) as word
                where replace(word, '''', '') <> ''
           ) as w
     cross join lateral (
               select string_agg(distinct '(' || way.written || ')', ' | ') as written
                 from (
                          values (array[replace(word, '''', '')]),
                                 (string_to_array(translate(word, '.@''', '   '), ' '))
                      ) as v (pieces)
                cross join lateral (
                          select string_agg(
                                     distinct '''' || left(letters, 100) || ''''
                                     || case when length(letters) > 1 or letters ~ unspaced
                                             then ':*' else '' end,
                                     ' & '
                                 ) as written
                            from unnest(v.pieces) as piece
                           cross join generate_series(
                                     1,
                                     case when piece ~ unspaced
                                          then greatest(1, length(piece) - 1) else 1 end
                                 ) as n
                           cross join lateral (
                                     select case when piece ~ unspaced then substr(piece, n, 2)
                                                 else piece end as letters
                                 ) as l
                           where piece <> ''
                      ) as way
           ) as ways;
    return wanted::tsquery;
end
$$;

-- Returns whether a text has what the query asks for, without an index: for a user's own messages,
-- where an index of everybody's would tell by its time what others write. An ASCII text without
-- `needle`, a part of one of the query's words, is dismissed without more.
create function ticket_search_matches(source text, wanted tsquery, needle text) returns boolean
    language plpgsql immutable strict parallel safe
as $$
begin
    if octet_length(source) = length(source)
       and strpos(replace(lower(source collate ucs_basic), '''', ''), needle) = 0 then
        return false;
    end if;
    return ticket_search_vector(ticket_search_text(source)) @@ wanted;
end
$$;

-- The indexes have a pending list of at most 1 MB (fastupdate): without one a reply takes half as
-- long again, and the write that empties a list of the default 4 MB is slower still.

-- step: index_messages, concurrently
create index concurrently ticket_messages_search on ticket_messages
    using gin (ticket_search_vector(ticket_search_text(message)))
    with (fastupdate = on, gin_pending_list_limit = 1024);

-- step: index_subjects, concurrently
create index concurrently tickets_search on tickets
    using gin (ticket_search_vector(ticket_search_text(subject)))
    with (fastupdate = on, gin_pending_list_limit = 1024);

-- step: index_notes, concurrently
create index concurrently ticket_notes_search on ticket_notes
    using gin (ticket_search_vector(ticket_search_text(note)))
    with (fastupdate = on, gin_pending_list_limit = 1024);
