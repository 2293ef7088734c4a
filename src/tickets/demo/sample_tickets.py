"""The forty tickets that `tickets demo` shows: who wrote what, how long ago."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SampleMessage:
    """One message: who wrote it, how many hours before the demo's start, and what."""

    sender: str
    hours_ago: float
    text: str


@dataclass(frozen=True, slots=True)
class SampleTicket:
    """One ticket with its thread, oldest message first, and the state in which the demo shows it.

    The flags speak of the newest message only: `read_by_user` is False where it is an admin's and
    the user has not seen it yet, `read_by_admin` where it is the user's and no admin has.
    """

    email: str
    category: str
    other_category: str | None
    subject: str
    messages: tuple[SampleMessage, ...]
    status: str = "open"
    read_by_user: bool = True
    read_by_admin: bool = True


USERS: tuple[str, ...] = (
    "mara.lindqvist@example.com",
    "dev.okafor@example.org",
    "tomasz.wrona@example.net",
    "k.brandt@example.com",
    "yara.haddad@example.org",
    "finance-ops@example.net",
    "june.whitfield@example.org",
)
"""Who has tickets in the demo; the first is its signed-in user."""

TICKETS: tuple[SampleTicket, ...] = (
    SampleTicket(
        email="mara.lindqvist@example.com",
        category="support",
        other_category=None,
        subject="Daily digest arrives at 03:00 instead of 07:00",
        messages=(
            SampleMessage(
                "user",
                1420.4,
                (
                    "Hello, we took over the desk from our colleagues in Asia, and since then "
                    "the daily digest comes at 03:00 our time. It should be 07:00, just "
                    'before the morning meeting. The setting does say "07:00 '
                    'Europe/Stockholm". Could you have a look?\n\n'
                    "Mara"
                ),
            ),
            SampleMessage(
                "admin",
                1417.1,
                (
                    "Hi Mara, thank you for the exact setting, that helped. Your digest was "
                    "created before we stored time zones by name, so it still runs on your "
                    "colleagues' UTC offset. Please open Settings > Digests, press Save once "
                    "without changing anything, and tell us when the next one arrives.\n\n"
                    "Nadia, EnergyRiskIQ support"
                ),
            ),
            SampleMessage(
                "user",
                1394.0,
                "Saved it last night. This morning it came at 07:00 sharp.",
            ),
            SampleMessage(
                "admin",
                1392.6,
                (
                    "Great! We've also converted the remaining old digests, so nobody else "
                    "should be woken at three. Closing this one.\n\n"
                    "Nadia, EnergyRiskIQ support"
                ),
            ),
        ),
        status="closed",
    ),
    SampleTicket(
        email="finance-ops@example.net",
        category="billing",
        other_category=None,
        subject="Invoice INV-1042 shows our old address",
        messages=(
            SampleMessage(
                "user",
                1391.8,
                (
                    "Good morning,\n\n"
                    "invoice INV-1042 was issued to our former address (Dock Street). Our "
                    "auditors need the new one (7 Harbour Lane) on the document. Please "
                    "reissue.\n\n"
                    "Accounts Payable"
                ),
            ),
            SampleMessage(
                "admin",
                1388.3,
                (
                    "Good morning, we have cancelled INV-1042 and issued INV-1042-R with the "
                    "new address and the same amount and due date. Both are under Billing > "
                    "Invoices. The address in your account is updated too, so future invoices "
                    "will be right.\n\n"
                    "Jonas, EnergyRiskIQ support"
                ),
            ),
            SampleMessage(
                "user",
                1370.5,
                "Received, thank you.",
            ),
        ),
        status="closed",
    ),
    SampleTicket(
        email="tomasz.wrona@example.net",
        category="support",
        other_category=None,
        subject="EERI history: three days missing from the CSV",
        messages=(
            SampleMessage(
                "user",
                1345.2,
                (
                    "The EERI export jumps from the 11th to the 15th. The chart on the "
                    "website shows values for those days, the CSV doesn't. Daily frequency, "
                    "full range, all columns."
                ),
            ),
            SampleMessage(
                "admin",
                1341.0,
                (
                    "Thanks, Tomasz. I can reproduce that. Those three days were recalculated "
                    "after a late correction in one of the inputs, and it looks as though the "
                    "export skips rows that carry a revision mark. I've passed it to the data "
                    "team.\n\n"
                    "Ines, EnergyRiskIQ support"
                ),
            ),
            SampleMessage(
                "user",
                1339.7,
                (
                    "OK. Until then: can I get the three numbers from the API, or does it "
                    "skip them as well?"
                ),
            ),
            SampleMessage(
                "admin",
                1336.2,
                (
                    "The API has them. Ask for the same range with revisions=include and "
                    "you'll see both the first and the revised value. The export fix goes out "
                    "this week.\n\n"
                    "Ines, EnergyRiskIQ support"
                ),
            ),
            SampleMessage(
                "user",
                1246.9,
                (
                    'Downloaded again today, no gap. And the new "revised_at" column is a '
                    "nice surprise."
                ),
            ),
        ),
        status="closed",
    ),
    SampleTicket(
        email="june.whitfield@example.org",
        category="other",
        other_category="Academic use",
        subject="Citing GERI in a working paper",
        messages=(
            SampleMessage(
                "user",
                1288.0,
                (
                    "Hi! I'm writing a working paper on gas storage & risk premia and would "
                    "like to include one GERI chart (monthly averages, five years). Am I "
                    "allowed to, and how should I cite it?\n\n"
                    "Best,\n"
                    "June"
                ),
            ),
            SampleMessage(
                "admin",
                1281.4,
                (
                    "Hi June, yes, with pleasure. Charts of aggregated values may be "
                    'published as long as the source is named. Please write: "Source: '
                    'EnergyRiskIQ, GERI, monthly averages, own calculations" and add the date '
                    "on which you downloaded the data. Only the full daily series may not be "
                    "republished.\n\n"
                    "We'd love to read the paper once it's out.\n\n"
                    "Nadia, EnergyRiskIQ support"
                ),
            ),
            SampleMessage(
                "user",
                1279.9,
                ("Perfect, that's all I needed. I'll send you the link when it's through review."),
            ),
        ),
        status="closed",
    ),
    SampleTicket(
        email="mara.lindqvist@example.com",
        category="support",
        other_category=None,
        subject="Two-factor code rejected after changing phone",
        messages=(
            SampleMessage(
                "user",
                1190.3,
                (
                    "I moved to a new phone and the codes from the authenticator app are now "
                    "rejected. I am still signed in on my laptop but I don't dare to sign "
                    "out..."
                ),
            ),
            SampleMessage(
                "admin",
                1189.6,
                (
                    "Hi Mara, good thinking, please stay signed in for now. Do you still have "
                    "the recovery codes that you were shown when you switched two-factor on?\n\n"
                    "Jonas, EnergyRiskIQ support"
                ),
            ),
            SampleMessage(
                "user",
                1188.8,
                ("Somewhere on paper in a folder in the office. I'm at home until tomorrow."),
            ),
            SampleMessage(
                "admin",
                1188.1,
                (
                    "No problem, you don't need them yet. On the laptop go to Settings > "
                    "Security > Replace device; it asks for your password and shows a new QR "
                    "code. One more thing: check that the new phone sets its clock "
                    "automatically. Codes are rejected if it's more than a minute off.\n\n"
                    "Jonas, EnergyRiskIQ support"
                ),
            ),
            SampleMessage(
                "user",
                1187.5,
                (
                    "It was the clock! Four minutes slow. I replaced the device anyway, and "
                    "it works on both now."
                ),
            ),
            SampleMessage(
                "admin",
                1186.0,
                (
                    "Glad to hear it. The old phone no longer counts, so you can wipe it "
                    "safely. Please print the new recovery codes too, since the ones in the "
                    "folder were replaced.\n\n"
                    "Jonas, EnergyRiskIQ support"
                ),
            ),
        ),
        status="closed",
    ),
    SampleTicket(
        email="dev.okafor@example.org",
        category="support",
        other_category=None,
        subject="401 with a new API key",
        messages=(
            SampleMessage(
                "user",
                1104.6,
                (
                    "Created a key 10 minutes ago, every call says 401. Old key works.\n\n"
                    '$ curl -s -i -H "Authorization: Bearer $RISK_API_KEY" \\\n'
                    '    "https://api.example.com/v1/indices/geri?limit=1"\n'
                    "HTTP/2 401\n"
                    "content-type: application/problem+json\n\n"
                    '{"title": "Unauthorized", "detail": "unknown key"}\n\n'
                    "What am I missing?"
                ),
            ),
            SampleMessage(
                "admin",
                1102.9,
                (
                    "Hi Dev, thank you for not pasting the key itself. The request looks "
                    "fine. Our log shows a key that is one character longer than the ones we "
                    "issue; could there be a line break at the end? This often happens when "
                    "it comes from a file:\n\n"
                    "printf '%s' \"$RISK_API_KEY\" | wc -c\n\n"
                    "It should print 40.\n\n"
                    "Ines, EnergyRiskIQ support"
                ),
            ),
            SampleMessage(
                "user",
                1102.4,
                "41. It was a carriage return, of course. Sorry for the noise!",
            ),
            SampleMessage(
                "admin",
                1100.7,
                (
                    "No noise at all. We'll have the API trim whitespace around keys, and the "
                    "message will mention it in the meantime.\n\n"
                    "Ines, EnergyRiskIQ support"
                ),
            ),
        ),
        status="closed",
    ),
    SampleTicket(
        email="k.brandt@example.com",
        category="support",
        other_category=None,
        subject="Warnmeldungen kommen doppelt an",
        messages=(
            SampleMessage(
                "user",
                1010.5,
                (
                    "Guten Tag,\n\n"
                    "seit letzter Woche erhalte ich jede EGSI-Warnung zweimal, im Abstand von "
                    "etwa einer Minute. Der Inhalt ist identisch, nur die Uhrzeit im Betreff "
                    'weicht ab. In den Einstellungen sehe ich nur eine einzige Regel ("EGSI > '
                    '65"). Können Sie das bitte prüfen?\n\n'
                    "Mit freundlichen Grüßen\n"
                    "K. Brandt"
                ),
            ),
            SampleMessage(
                "admin",
                1006.8,
                (
                    "Guten Tag,\n\n"
                    "vielen Dank für die genaue Beschreibung. Ihre Adresse ist zweimal "
                    'hinterlegt: einmal persönlich und einmal über den Verteiler "Handel", '
                    "dem dieselbe Regel zugeordnet ist. Soll ich die persönliche Zuordnung "
                    "entfernen, oder möchten Sie lieber den Verteiler verlassen?\n\n"
                    "Viele Grüße\n"
                    "Jonas, EnergyRiskIQ Support"
                ),
            ),
            SampleMessage(
                "user",
                986.2,
                (
                    "Ah, den Verteiler hatte ein Kollege angelegt. Bitte die persönliche "
                    "Zuordnung löschen, der Verteiler genügt."
                ),
            ),
            SampleMessage(
                "admin",
                985.0,
                (
                    "Erledigt. Ab sofort kommt jede Warnung nur noch einmal. Wir überlegen "
                    "außerdem, doppelte Empfänger künftig schon beim Speichern anzuzeigen.\n\n"
                    "Viele Grüße\n"
                    "Jonas, EnergyRiskIQ Support"
                ),
            ),
        ),
        status="closed",
    ),
    SampleTicket(
        email="mara.lindqvist@example.com",
        category="billing",
        other_category=None,
        subject="Charged twice for the Pro plan",
        messages=(
            SampleMessage(
                "user",
                905.7,
                (
                    "Our card statement shows two payments for Pro, one day apart, same "
                    "amount. Only one invoice in the account. Please check."
                ),
            ),
            SampleMessage(
                "admin",
                903.2,
                (
                    "Hi Mara, I'm sorry about that. The first attempt was reported to us as "
                    "failed, so the system tried again, and then both went through. I've "
                    "refunded the second one just now. It takes three to five working days to "
                    "show up on the card.\n\n"
                    "Nadia, EnergyRiskIQ support"
                ),
            ),
            SampleMessage(
                "user",
                902.8,
                "Thanks. Will there be a credit note? Our bookkeeping will ask.",
            ),
            SampleMessage(
                "admin",
                900.1,
                (
                    "There will: it's already under Billing > Invoices, next to the invoice, "
                    "and its text mentions the duplicate payment.\n\n"
                    "Nadia, EnergyRiskIQ support"
                ),
            ),
            SampleMessage(
                "user",
                806.4,
                "The refund has arrived. All good from our side!",
            ),
        ),
        status="closed",
    ),
    SampleTicket(
        email="yara.haddad@example.org",
        category="feature_suggestion",
        other_category=None,
        subject="Dark mode for the charts",
        messages=(
            SampleMessage(
                "user",
                760.0,
                (
                    "The pages have a dark mode but charts stay white. On the night desk "
                    "that's like looking into a lamp. Could the charts follow the setting?"
                ),
            ),
            SampleMessage(
                "admin",
                738.5,
                (
                    "Hi Yara, fair point, and you're not the first from a night desk. Charts "
                    "now follow the page setting; reload once if yours still look bright. "
                    "Exported images stay white on purpose, since most of them are printed.\n\n"
                    "Ines, EnergyRiskIQ support"
                ),
            ),
        ),
        status="closed",
    ),
    SampleTicket(
        email="tomasz.wrona@example.net",
        category="support",
        other_category=None,
        subject='Alert rule "price < 40 & volume > 3" never fires',
        messages=(
            SampleMessage(
                "user",
                610.2,
                (
                    "I have a custom rule on day-ahead gas:\n\n"
                    "if price < 40 & volume > 3\n\n"
                    "Yesterday price was 38.2 with volume 5.1 for two hours. No alert, no "
                    "mail, nothing in the history. The rule is switched on."
                ),
            ),
            SampleMessage(
                "admin",
                607.3,
                (
                    "Hi Tomasz, thanks for the report. Could you tell me the name of the "
                    'rule, and whether the test button next to it says "would fire" for '
                    "yesterday?\n\n"
                    "Ines, EnergyRiskIQ support"
                ),
            ),
            SampleMessage(
                "user",
                606.5,
                (
                    'It\'s called "cheap & liquid". The test says "would not fire", which '
                    "is simply wrong: 38.2 < 40 and 5.1 > 3."
                ),
            ),
            SampleMessage(
                "admin",
                583.9,
                (
                    "I think I see it. In rules, & is the bitwise operator and binds more "
                    "tightly than < and >, as it does in Python. So yours is read as\n\n"
                    "price < (40 & volume) > 3\n\n"
                    'which is almost never true. Could you try "price < 40 and volume > 3"?'
                ),
            ),
            SampleMessage(
                "user",
                581.0,
                (
                    'OK, with "and" the test fires. But then why does the editor accept & at '
                    "all? In my head it's the same thing, and nobody does bitwise arithmetic "
                    "on gas prices."
                ),
            ),
            SampleMessage(
                "admin",
                560.4,
                (
                    "You're right, and we don't know of a single rule that uses it on "
                    "purpose. I've asked whether we can drop it or at least warn."
                ),
            ),
            SampleMessage(
                "user",
                556.8,
                (
                    "Related: is there a list of what the language knows? I couldn't find != "
                    "in the help, for example."
                ),
            ),
            SampleMessage(
                "admin",
                487.2,
                (
                    "There's one now: Help > Alert rules > Operators. It has <, <=, ==, !=, "
                    ">=, >, and, or, not, and the functions avg() and max() with a window "
                    'such as "24h".'
                ),
            ),
            SampleMessage(
                "user",
                462.1,
                (
                    "Thanks, that's clear. One correction: the example \"avg(price, 24h) <> "
                    '50" on that page is rejected. I suppose it should be != there.'
                ),
            ),
            SampleMessage(
                "admin",
                310.6,
                (
                    "It should indeed. Corrected, thank you for reading so closely.\n\n"
                    "Meanwhile the change to the editor is being tested: it refuses & and | "
                    'and suggests "and" and "or".'
                ),
            ),
            SampleMessage(
                "admin",
                143.0,
                (
                    "The new editor is live. We also went through the existing rules and "
                    "found eleven with the same problem; their owners have been told. Yours "
                    "already uses \"and\", so there's nothing left for you to do. I'm setting "
                    "this to resolved.\n\n"
                    "Ines, EnergyRiskIQ support"
                ),
            ),
            SampleMessage(
                "user",
                139.4,
                (
                    'Seen it, the hint is good. "cheap & liquid" fired this morning, so from '
                    "me: solved."
                ),
            ),
        ),
        status="resolved",
    ),
    SampleTicket(
        email="mara.lindqvist@example.com",
        category="support",
        other_category=None,
        subject="GERI on the dashboard and in the digest disagree",
        messages=(
            SampleMessage(
                "user",
                520.1,
                (
                    "Today's digest says GERI 58, the dashboard says 61. Which one should I "
                    "report to our risk committee? I attach importance to this because last "
                    "week they differed by one point as well and I thought I had misread it."
                ),
            ),
            SampleMessage(
                "admin",
                517.4,
                (
                    "Hi Mara, both are right, but at different times: the digest holds the "
                    "value as of 05:00 UTC, the dashboard shows the latest one. For a "
                    "committee I'd take the daily close, which is fixed at midnight UTC and "
                    "is never changed without a revision mark.\n\n"
                    "Nadia, EnergyRiskIQ support"
                ),
            ),
            SampleMessage(
                "user",
                515.9,
                (
                    "That makes sense for a difference of one. Is a jump of three points "
                    "within a morning plausible?"
                ),
            ),
            SampleMessage(
                "admin",
                512.2,
                (
                    "It happens on perhaps ten days a year, when several supply events are "
                    "scored together. That was so today: two entries at 06:20 UTC. You can "
                    'see them below the chart if you choose "Drivers".\n\n'
                    "Nadia, EnergyRiskIQ support"
                ),
            ),
            SampleMessage(
                "user",
                424.7,
                (
                    "It has happened again, and this time I looked at the drivers: none "
                    "between 05:00 and now. Digest 55, dashboard 59, daily close yesterday "
                    "59. So the digest seems to be off, not the dashboard."
                ),
            ),
            SampleMessage(
                "admin",
                420.3,
                (
                    "Thank you, that's exactly what we needed to know. A digest of 55 with a "
                    "close of 59 and no drivers can't be explained by timing. I've opened an "
                    "internal case and asked the data team to compare all digests of the last "
                    "30 days with the stored values.\n\n"
                    "Nadia, EnergyRiskIQ support"
                ),
            ),
            SampleMessage(
                "user",
                330.5,
                (
                    "Any news? The committee meets in two weeks and I'd like to tell them "
                    "which figure to trust."
                ),
            ),
            SampleMessage(
                "admin",
                326.0,
                (
                    "Hi Mara, Jonas here, Nadia is away for a few days. The comparison is "
                    "done: 4 of 30 digests carried an old value, always on days with a "
                    "revision. Please trust the dashboard and the daily close; they were "
                    "right on all 30 days.\n\n"
                    "Jonas, EnergyRiskIQ support"
                ),
            ),
            SampleMessage(
                "user",
                324.8,
                (
                    "Good to know, thank you. Could you send me the four dates? I need to "
                    "correct two slides."
                ),
            ),
            SampleMessage(
                "admin",
                301.2,
                (
                    "Of course. Counting back from today: 5, 13, 20 and 26 days ago. The "
                    'right values are in the CSV export in the column "close".'
                ),
            ),
            SampleMessage(
                "user",
                56.3,
                (
                    "Slides corrected. Is the digest itself repaired by now, or should I keep "
                    "checking it by hand?"
                ),
            ),
            SampleMessage(
                "admin",
                9.2,
                (
                    "The cause is found: the digest read a cached value that isn't refreshed "
                    "when a revision comes in. The repair is in testing and should go out "
                    "within two days. I'll write here when it's live; until then please keep "
                    "an eye on days with a revision mark.\n\n"
                    "Nadia, EnergyRiskIQ support"
                ),
            ),
        ),
        status="in_progress",
        read_by_user=False,
    ),
    SampleTicket(
        email="june.whitfield@example.org",
        category="support",
        other_category=None,
        subject="Can't find the correlation tool any more",
        messages=(
            SampleMessage(
                "user",
                430.0,
                (
                    "Where did the correlation matrix go? It used to be under Tools, and I "
                    "need it for a seminar this afternoon."
                ),
            ),
            SampleMessage(
                "user",
                428.9,
                "Never mind, found it: it's under Analysis > Compare now. Please ignore!",
            ),
        ),
        status="closed",
    ),
    SampleTicket(
        email="mara.lindqvist@example.com",
        category="feature_suggestion",
        other_category=None,
        subject="Export the alert history as CSV",
        messages=(
            SampleMessage(
                "user",
                400.5,
                (
                    "For our quarterly review I copy fired alerts by hand into a sheet. A CSV "
                    "button on Alerts > History would save me an afternoon. Needed columns: "
                    "time, rule, index, value, threshold, who acknowledged it."
                ),
            ),
            SampleMessage(
                "admin",
                378.2,
                (
                    "Hi Mara, that's a reasonable wish, and the data is all there. We've put "
                    "it on the list for the current cycle. Would a limit of one year per file "
                    "be all right?\n\n"
                    "Jonas, EnergyRiskIQ support"
                ),
            ),
            SampleMessage(
                "user",
                377.6,
                (
                    "One year is more than enough. Semicolons instead of commas would be "
                    "lovely, if it's easy; our spreadsheets expect a decimal comma."
                ),
            ),
            SampleMessage(
                "admin",
                103.3,
                (
                    "It's out: Alerts > History > Export. The separator follows the number "
                    'format in your settings, so you\'ll get semicolons. "Acknowledged by" '
                    "is empty for alerts older than this feature.\n\n"
                    "Jonas, EnergyRiskIQ support"
                ),
            ),
            SampleMessage(
                "user",
                96.7,
                (
                    "Tried it with the whole quarter: 214 rows, all correct. My afternoon "
                    "says thank you."
                ),
            ),
        ),
        status="resolved",
    ),
    SampleTicket(
        email="dev.okafor@example.org",
        category="feature_suggestion",
        other_category=None,
        subject="Webhooks for alerts",
        messages=(
            SampleMessage(
                "user",
                340.2,
                (
                    "We poll /v1/alerts every 30 s just to open incidents on our side. A "
                    "webhook per rule would replace ~2,900 requests a day with maybe five. "
                    "JSON body, HMAC signature, retries with backoff would be ideal."
                ),
            ),
            SampleMessage(
                "admin",
                335.7,
                (
                    "Hi Dev, we'd like that too, for obvious reasons. Two questions for the "
                    "design: do you need delivery in order, and how long should we keep "
                    "retrying while your end is down?\n\n"
                    "Ines, EnergyRiskIQ support"
                ),
            ),
            SampleMessage(
                "user",
                334.1,
                (
                    "Order: no, as long as each event has an id and a timestamp. Retries: 24 "
                    "h is plenty, and after that a mail to the owner of the rule."
                ),
            ),
            SampleMessage(
                "admin",
                52.6,
                (
                    "It's being built as you described: event id, timestamp, signature over "
                    "the raw body, retries for 24 hours, then a mail. We're looking for three "
                    "customers for a closed test in about two weeks. Would you like to be one "
                    "of them?\n\n"
                    "Ines, EnergyRiskIQ support"
                ),
            ),
            SampleMessage(
                "user",
                50.9,
                (
                    "Yes please, count us in. We have a staging environment that can take any "
                    "amount of garbage."
                ),
            ),
        ),
        status="in_progress",
    ),
    SampleTicket(
        email="tomasz.wrona@example.net",
        category="support",
        other_category=None,
        subject="Python example from the docs fails with KeyError",
        messages=(
            SampleMessage(
                "user",
                300.7,
                (
                    'Copied the example "Load EGSI into a data frame" from the docs, fresh '
                    "environment:\n\n"
                    "Traceback (most recent call last):\n"
                    '  File "/home/tw/egsi/load.py", line 14, in <module>\n'
                    '    frame = to_frame(fetch("EGSI", start, end))\n'
                    '  File "/home/tw/egsi/load.py", line 9, in to_frame\n'
                    '    return [(row["date"], row["value"]) for row in payload["data"]]\n'
                    "KeyError: 'data'\n\n"
                    'The payload has "items" & "next" instead.'
                ),
            ),
            SampleMessage(
                "admin",
                296.2,
                (
                    'Hi Tomasz, the API is right and the docs are out of date: "data" became '
                    '"items" with v1.4. I\'ve corrected that page. Please mind "next" too: '
                    "with more than 500 rows you need to follow it, or you'll only get the "
                    "first page.\n\n"
                    "Jonas, EnergyRiskIQ support"
                ),
            ),
            SampleMessage(
                "user",
                294.5,
                (
                    'Works. The page after it, "Resample to weeks", has the same mistake, and '
                    "the one on GERI as well."
                ),
            ),
            SampleMessage(
                "admin",
                271.8,
                (
                    "Thanks. I'm going through all the examples now and we'll run them "
                    "automatically from now on, so that they can't drift again.\n\n"
                    "Jonas, EnergyRiskIQ support"
                ),
            ),
            SampleMessage(
                "user",
                16.1,
                (
                    '"Resample to weeks" is fine now, but the GERI page still says '
                    'payload["data"] in the second snippet (the first one is corrected).'
                ),
            ),
        ),
        status="in_progress",
        read_by_admin=False,
    ),
    SampleTicket(
        email="dev.okafor@example.org",
        category="support",
        other_category=None,
        subject="429 after 100 requests although the plan says 1,000",
        messages=(
            SampleMessage(
                "user",
                260.3,
                (
                    "Trader plan, limit is 1000/h according to the pricing page. We get 429 "
                    "after about 100 calls. Clock says 12 minutes into the hour."
                ),
            ),
            SampleMessage(
                "admin",
                255.0,
                (
                    "Hi Dev, there are two limits: 1,000 per hour, and 100 per minute to keep "
                    "bursts in check. Your calls all came within 40 seconds. The response has "
                    "a Retry-After header with the seconds to wait. We agree that the pricing "
                    "page should mention it, and now it does.\n\n"
                    "Jonas, EnergyRiskIQ support"
                ),
            ),
            SampleMessage(
                "user",
                120.4,
                (
                    "Added a small delay and respect Retry-After now. No 429 for five days. "
                    "Thanks, you can close this."
                ),
            ),
        ),
        status="resolved",
        read_by_admin=False,
    ),
    SampleTicket(
        email="finance-ops@example.net",
        category="billing",
        other_category=None,
        subject="VAT number missing on the last two invoices",
        messages=(
            SampleMessage(
                "user",
                220.9,
                (
                    "Dear team, INV-1077 and INV-1093 lack our VAT number, so we cannot apply "
                    "reverse charge. We entered it in the account months ago. Kindly correct "
                    "both.\n\n"
                    "Accounts Payable"
                ),
            ),
            SampleMessage(
                "admin",
                217.5,
                (
                    "Dear colleagues, the number had been saved in the field for the purchase "
                    "order by mistake; I've moved it. May I reissue both invoices with "
                    "today's date, or do you need the original dates?\n\n"
                    "Nadia, EnergyRiskIQ support"
                ),
            ),
            SampleMessage(
                "user",
                196.6,
                "Original dates please, both periods are still open on our side.",
            ),
            SampleMessage(
                "admin",
                193.8,
                (
                    "Done: INV-1077-R and INV-1093-R, with the original dates and your VAT "
                    "number. You'll find them in Billing > Invoices.\n\n"
                    "Nadia, EnergyRiskIQ support"
                ),
            ),
            SampleMessage(
                "user",
                131.2,
                "Booked. Thank you for the quick help.",
            ),
        ),
        status="resolved",
    ),
    SampleTicket(
        email="finance-ops@example.net",
        category="billing",
        other_category=None,
        subject="Yearly invoice with a purchase order number",
        messages=(
            SampleMessage(
                "user",
                210.1,
                (
                    "Hello, from next period on we must pay by yearly invoice instead of "
                    "card, and every invoice has to show our purchase order number. Is that "
                    "possible on the Pro plan? What do you need from us?\n\n"
                    "Accounts Payable"
                ),
            ),
            SampleMessage(
                "admin",
                206.4,
                (
                    "Hello, it is. Please send us the order number, the address for the "
                    "invoice, and an e-mail address that may receive it as PDF. The yearly "
                    "plan is paid in advance, within 30 days.\n\n"
                    "Jonas, EnergyRiskIQ support"
                ),
            ),
            SampleMessage(
                "user",
                98.0,
                (
                    "PO number: PO-2210-EXAMPLE\n"
                    "Address: as in the account\n"
                    "E-mail: finance-ops@example.net\n\n"
                    "Our terms are 45 days, not 30. Please confirm."
                ),
            ),
            SampleMessage(
                "admin",
                26.5,
                (
                    "Thank you, all noted. 45 days needs a signature from our side, which "
                    "I've asked for; I expect an answer by tomorrow. Nothing changes on your "
                    "card until then.\n\n"
                    "Jonas, EnergyRiskIQ support"
                ),
            ),
        ),
        status="in_progress",
        read_by_user=False,
    ),
    SampleTicket(
        email="yara.haddad@example.org",
        category="support",
        other_category=None,
        subject="أسماء التنبيهات العربية معكوسة في ملف PDF",
        messages=(
            SampleMessage(
                "user",
                190.6,
                (
                    "مرحباً،\n\n"
                    "أسماء التنبيهات التي أكتبها بالعربية تظهر في ملخص PDF بحروف منفصلة "
                    "وبترتيب معكوس، مثلاً التنبيه «مخاطر الغاز > 70». أما في لوحة المتابعة "
                    "فهي سليمة. هل يمكنكم النظر في الأمر؟\n\n"
                    "شكراً\n"
                    "يارا"
                ),
            ),
            SampleMessage(
                "admin",
                186.3,
                (
                    "أهلاً يارا،\n\n"
                    "شكراً على التنبيه وعلى المثال الواضح. وجدنا الخلل: الخط المستخدم في ملف "
                    "PDF لا يدعم وصل الحروف العربية. سنستبدل الخط هذا الأسبوع ونكتب لك هنا "
                    "عند الانتهاء.\n\n"
                    "نادية، فريق دعم EnergyRiskIQ"
                ),
            ),
            SampleMessage(
                "admin",
                112.7,
                (
                    "تم نشر الإصلاح. ملخص الغد سيظهر بالخط الجديد، ويمكنك أيضاً إعادة إنشاء "
                    "الملخصات السابقة من صفحة Digests.\n\n"
                    "نادية، فريق دعم EnergyRiskIQ"
                ),
            ),
            SampleMessage(
                "user",
                110.2,
                "كل شيء يظهر الآن بشكل صحيح. شكراً جزيلاً لكم!",
            ),
        ),
        status="resolved",
    ),
    SampleTicket(
        email="mara.lindqvist@example.com",
        category="feature_suggestion",
        other_category=None,
        subject="Scenario view: what if storage falls below a level?",
        messages=(
            SampleMessage(
                "user",
                180.8,
                (
                    "Dear team,\n\n"
                    "I'd like to describe a need that comes up in every one of our winter "
                    "planning rounds, because I suspect that we're not the only ones. Our "
                    'committee never asks "what is EGSI today?", it asks "what would EGSI be '
                    "if storage were ten points lower at the end of the winter, and one of "
                    'the two big pipelines were out for three weeks?" At present I answer '
                    "with a spreadsheet in which I've rebuilt your published weights by hand. "
                    "It's roughly right, but nobody except me trusts it, and whenever you "
                    "revise a weight I find out by accident.\n\n"
                    "What would help us is a page where one can take today's inputs, move two "
                    "or three of them (storage level, flows, temperature against normal), and "
                    "see the resulting EGSI next to the actual one. It needn't be a forecast. "
                    "A plain recalculation with other inputs, clearly marked as hypothetical, "
                    "would be enough. If a scenario could be saved under a name and opened "
                    "again a month later with fresh data, I could show how far we have moved "
                    "since the last meeting, and that is usually the first question.\n\n"
                    "Two things to avoid, from experience: please don't let hypothetical "
                    "values slip into exports without a mark, and please don't hide which "
                    "inputs were changed. A printed page without that list is worse than no "
                    "page.\n\n"
                    "I'd be happy to show you our spreadsheet in a short call and to test "
                    "anything early, even if it's ugly. The sooner before our next planning "
                    "round, the better, but I know how these things go.\n\n"
                    "Kind regards,\n"
                    "Mara"
                ),
            ),
            SampleMessage(
                "admin",
                155.4,
                (
                    "Dear Mara, thank you for writing this up so carefully; I've shared it "
                    "with the product team word for word. A recalculation with changed inputs "
                    "is possible in principle. Saving scenarios is the larger part. We'd "
                    "gladly take you up on the call, and I'll come back with two or three "
                    "times.\n\n"
                    "Nadia, EnergyRiskIQ support"
                ),
            ),
            SampleMessage(
                "user",
                153.0,
                "Wonderful. Mornings before ten suit me best.",
            ),
        ),
        status="open",
    ),
    SampleTicket(
        email="mara.lindqvist@example.com",
        category="support",
        other_category=None,
        subject="EERI widget on our intranet stays empty",
        messages=(
            SampleMessage(
                "user",
                165.2,
                (
                    "The embedded EERI widget shows an empty grey box on our intranet since "
                    "this week. The same snippet works on my own machine. IT says nothing has "
                    "changed, as they always do."
                ),
            ),
            SampleMessage(
                "admin",
                161.7,
                (
                    "Hi Mara, the widget now refuses pages that aren't on your list of "
                    "allowed sites. Could you send me the address in your browser's bar when "
                    "you see the grey box? The part up to the first slash is enough.\n\n"
                    "Ines, EnergyRiskIQ support"
                ),
            ),
            SampleMessage(
                "user",
                141.3,
                (
                    "It's https://intranet.example.com - and apparently it was http:// until "
                    "last weekend, so something *did* change."
                ),
            ),
            SampleMessage(
                "admin",
                70.5,
                (
                    "That explains it: your list had the http address only. I've added the "
                    "https one, and the widget should show up after a reload. I'm marking "
                    "this as resolved; just reply if the box stays grey.\n\n"
                    "Ines, EnergyRiskIQ support"
                ),
            ),
        ),
        status="resolved",
        read_by_user=False,
    ),
    SampleTicket(
        email="june.whitfield@example.org",
        category="billing",
        other_category=None,
        subject="Downgrading from Trader to the free plan",
        messages=(
            SampleMessage(
                "user",
                150.3,
                (
                    "Hi, my project ends this month and I'd like to go back to the free plan. "
                    "Do I lose my saved comparisons and alerts?"
                ),
            ),
            SampleMessage(
                "admin",
                145.1,
                (
                    "Hi June, nothing is deleted. Comparisons stay readable, and alerts "
                    "beyond the two that the free plan includes are paused until you delete "
                    "some or upgrade again. You can choose which two stay active.\n\n"
                    "Nadia, EnergyRiskIQ support"
                ),
            ),
            SampleMessage(
                "user",
                74.4,
                (
                    "Great. Then please downgrade me at the end of the paid period. Keep "
                    '"GERI > 70" and "EGSI weekly".'
                ),
            ),
            SampleMessage(
                "admin",
                48.0,
                (
                    "It's scheduled: you keep Trader until the end of the period you paid "
                    "for, then the free plan starts with those two alerts. No further "
                    "payments will be taken. All the best for the end of the project!\n\n"
                    "Nadia, EnergyRiskIQ support"
                ),
            ),
        ),
        status="resolved",
        read_by_user=False,
    ),
    SampleTicket(
        email="k.brandt@example.com",
        category="support",
        other_category=None,
        subject="Number format in the exported PDF report",
        messages=(
            SampleMessage(
                "user",
                140.6,
                (
                    "In the PDF report the numbers are written 1,234.5 although my profile is "
                    "set to German (1.234,5). The web pages are correct. For internal use "
                    "only, but our board finds it confusing."
                ),
            ),
            SampleMessage(
                "admin",
                136.9,
                (
                    "Thank you for the report. The PDF takes its format from the team, not "
                    "from the profile, and your team is set to English. An owner of the team "
                    "can change it under Team > Defaults. Would that suit your colleagues?\n\n"
                    "Jonas, EnergyRiskIQ support"
                ),
            ),
            SampleMessage(
                "user",
                93.7,
                "The others want English. So it should come from the profile, please.",
            ),
            SampleMessage(
                "admin",
                30.8,
                (
                    "Understood, and we agree. A report that you create yourself now follows "
                    "your profile; scheduled reports for everybody still follow the team. "
                    "Please try one and tell us.\n\n"
                    "Jonas, EnergyRiskIQ support"
                ),
            ),
            SampleMessage(
                "user",
                29.5,
                "Tried, correct now. Vielen Dank!",
            ),
        ),
        status="resolved",
    ),
    SampleTicket(
        email="tomasz.wrona@example.net",
        category="feature_suggestion",
        other_category=None,
        subject="Back-testing of alert rules",
        messages=(
            SampleMessage(
                "user",
                130.0,
                (
                    "Hello,\n\n"
                    "before I switch on a new rule I would like to know how often it would "
                    "have fired in the past. Today I download the series and replay the rule "
                    "locally, which is slow and does not match your evaluation in every "
                    "detail (gaps, revisions, time zones).\n\n"
                    "A first version could be small:\n\n"
                    "- choose a rule and a period, up to one year\n"
                    "- list the times at which it would have fired, with the values\n"
                    "- show the number per month, so that one sees if it's too chatty\n"
                    "- use the data as known at that time, not the revised data\n"
                    "- offer the list as CSV\n\n"
                    "The fourth point is the important one for me. With revised data every "
                    "rule looks smarter than it was.\n\n"
                    "Nice to have, for later:\n\n"
                    "- compare two versions of a rule side by side\n"
                    '- a warning in the editor such as "this would have fired 412 times last '
                    'month"\n\n'
                    "I would use it weekly. If there's a beta, I'm in.\n\n"
                    "Regards,\n"
                    "Tomasz"
                ),
            ),
            SampleMessage(
                "admin",
                101.5,
                (
                    "Hi Tomasz, thank you, that's close to a finished specification. We do "
                    "keep the values as first published, so the fourth point is possible for "
                    "the last two years. I've added your list to the planning for the next "
                    "cycle and will tell you here what comes out of it.\n\n"
                    "Jonas, EnergyRiskIQ support"
                ),
            ),
        ),
        status="open",
    ),
    SampleTicket(
        email="dev.okafor@example.org",
        category="feature_suggestion",
        other_category=None,
        subject="Sandbox keys with fixed data",
        messages=(
            SampleMessage(
                "user",
                125.5,
                (
                    "For CI we'd like a key that returns fixed, made-up data and doesn't "
                    "count against the quota. Right now our tests break when GERI moves :)"
                ),
            ),
            SampleMessage(
                "admin",
                80.2,
                (
                    "Hi Dev, that exists but is well hidden: create a key and choose "
                    '"Sandbox" as its scope. It returns the same 90 days for every index, '
                    "with GERI at 50 and a few gaps on purpose. Nothing is counted.\n\n"
                    "Ines, EnergyRiskIQ support"
                ),
            ),
            SampleMessage(
                "user",
                20.7,
                ("Exactly what we wanted. The gaps on purpose already found a bug in our code."),
            ),
        ),
        status="resolved",
    ),
    SampleTicket(
        email="yara.haddad@example.org",
        category="support",
        other_category=None,
        subject="Alert mails end up in quarantine",
        messages=(
            SampleMessage(
                "user",
                118.3,
                (
                    "About half of our alert mails are held by the company mail filter, "
                    'always those sent at night. Reason given: "sender alignment failed". Our '
                    "IT asks whether you changed your mail provider."
                ),
            ),
            SampleMessage(
                "admin",
                115.6,
                (
                    "Hi Yara, we didn't change the provider, but night batches go through a "
                    "second server. Could your IT send us the full headers of one held mail? "
                    "Please remove the recipients if they're confidential.\n\n"
                    "Jonas, EnergyRiskIQ support"
                ),
            ),
            SampleMessage(
                "user",
                91.4,
                (
                    "Here is the part they gave me:\n\n"
                    "Authentication-Results: mx.example.org; spf=pass; dkim=none; dmarc=fail\n"
                    "Received: from batch-2.mail.example.net\n\n"
                    "I hope that's enough, they're not very talkative."
                ),
            ),
            SampleMessage(
                "admin",
                12.8,
                (
                    'That\'s enough, thank you. "dkim=none" shows that the second server '
                    "doesn't sign its mails. We're setting that up now and I'll ask you to "
                    "watch tomorrow night's alerts. Until then you might let your IT allow "
                    "the sender address.\n\n"
                    "Jonas, EnergyRiskIQ support"
                ),
            ),
        ),
        status="in_progress",
    ),
    SampleTicket(
        email="mara.lindqvist@example.com",
        category="billing",
        other_category=None,
        subject="Adding three seats in the middle of the period",
        messages=(
            SampleMessage(
                "user",
                92.6,
                (
                    "Three colleagues join our desk. If I add their seats today, do we pay "
                    "the full month for them? And can they have access to alerts, but not to "
                    "invoices?"
                ),
            ),
            SampleMessage(
                "admin",
                89.9,
                (
                    "Hi Mara, you pay by the day, so only the rest of the period. As for the "
                    'invoices: give them the role "Analyst", which sees everything except '
                    "Billing.\n\n"
                    "Nadia, EnergyRiskIQ support"
                ),
            ),
            SampleMessage(
                "user",
                31.8,
                (
                    'I added two, but at the third one I get "seat limit reached (10)". We '
                    "have nine people as far as I can count."
                ),
            ),
            SampleMessage(
                "admin",
                7.6,
                (
                    "The tenth seat is held by an invitation from last year that was never "
                    "accepted. I can withdraw it for you, or you can do it yourself under "
                    "Team > Invitations. Which do you prefer? It costs nothing either way.\n\n"
                    "Nadia, EnergyRiskIQ support"
                ),
            ),
        ),
        status="in_progress",
        read_by_user=False,
    ),
    SampleTicket(
        email="dev.okafor@example.org",
        category="other",
        other_category=None,
        subject="Where do I report a possible security issue?",
        messages=(
            SampleMessage(
                "user",
                88.4,
                (
                    "Nothing dramatic, I think, but I'd rather not post details in the wrong "
                    "place. Is this ticket OK or do you have a separate channel?"
                ),
            ),
            SampleMessage(
                "admin",
                87.7,
                (
                    "Hi Dev, thank you for asking first. This ticket is fine: only you and "
                    "our small team can read it. Please leave out any keys or personal data.\n\n"
                    "Ines, EnergyRiskIQ support"
                ),
            ),
            SampleMessage(
                "user",
                86.2,
                (
                    "OK. A shared dashboard link that I'd revoked still opened in a private "
                    "window. After roughly five minutes it was gone, so I guess it's a cache. "
                    "Steps: share, open the link, revoke, reload within a minute."
                ),
            ),
            SampleMessage(
                "admin",
                61.0,
                (
                    "Confirmed, and your guess is right. We're shortening the time to a few "
                    "seconds and will check the other kinds of links as well. I'll leave this "
                    "open until you've been able to verify it.\n\n"
                    "Ines, EnergyRiskIQ support"
                ),
            ),
            SampleMessage(
                "user",
                58.3,
                "Sounds good. Ping me and I'll retest.",
            ),
        ),
        status="open",
    ),
    SampleTicket(
        email="june.whitfield@example.org",
        category="other",
        other_category="Teaching licence",
        subject="Accounts for a seminar with 25 students",
        messages=(
            SampleMessage(
                "user",
                75.9,
                (
                    "Hello again! I'm teaching a seminar on energy risk next term, 25 "
                    "students, ten weeks. They'd need charts & CSV downloads, no alerts. Is "
                    'there something between "everybody shares my login" (I know, I know) and '
                    "25 paid seats?"
                ),
            ),
            SampleMessage(
                "admin",
                72.3,
                (
                    "Hi June, there is: a classroom team with a fixed end date. Charts and "
                    "downloads are included, and alerts and API keys are off. Could you send "
                    "us the name of the course and the date on which it ends?\n\n"
                    "Nadia, EnergyRiskIQ support"
                ),
            ),
            SampleMessage(
                "user",
                44.1,
                (
                    '"Quantitative Methods for Energy Risk", ends twelve weeks from now with '
                    "the exams. Student addresses follow once enrolment closes."
                ),
            ),
            SampleMessage(
                "admin",
                40.0,
                (
                    "Lovely title. The team is reserved; you'll be its owner and can invite "
                    "the students yourself, so we don't need their addresses. I'm waiting for "
                    "the paperwork on our side and will then switch it on.\n\n"
                    "Nadia, EnergyRiskIQ support"
                ),
            ),
        ),
        status="in_progress",
    ),
    SampleTicket(
        email="mara.lindqvist@example.com",
        category="other",
        other_category="Onboarding",
        subject="Introductory session for new colleagues",
        messages=(
            SampleMessage(
                "user",
                70.2,
                (
                    "Do you still offer the one-hour introduction for new users? We'd have "
                    "three people, ideally with a focus on EGSI and on how to read the "
                    "drivers."
                ),
            ),
            SampleMessage(
                "admin",
                47.3,
                (
                    "Hi Mara, we do, and three people is a nice size. Jonas could hold it the "
                    "week after next. Please send us two or three times that suit you and the "
                    "questions your colleagues have already run into. We'll prepare examples "
                    "around those.\n\n"
                    "Nadia, EnergyRiskIQ support"
                ),
            ),
        ),
        status="open",
        read_by_user=False,
    ),
    SampleTicket(
        email="k.brandt@example.com",
        category="feature_suggestion",
        other_category=None,
        subject="EERI by region within a country",
        messages=(
            SampleMessage(
                "user",
                66.7,
                (
                    "EERI per country is good. For us as a municipal supplier, north and "
                    "south of Germany are two different worlds, especially with wind. Is a "
                    "breakdown by control area planned?"
                ),
            ),
            SampleMessage(
                "admin",
                64.5,
                (
                    "Good question. It isn't published yet, but the inputs for power are "
                    "already collected per control area. For gas they aren't. Would a "
                    "breakdown for power alone be useful to you?\n\n"
                    "Ines, EnergyRiskIQ support"
                ),
            ),
            SampleMessage(
                "user",
                43.8,
                "Yes, power alone would already cover 80 % of our questions.",
            ),
            SampleMessage(
                "admin",
                22.4,
                (
                    "Thanks, that helps us to start small. We're preparing a first version "
                    "for two countries, Germany among them, and I'll get in touch here when "
                    "there's something to look at.\n\n"
                    "Ines, EnergyRiskIQ support"
                ),
            ),
        ),
        status="in_progress",
    ),
    SampleTicket(
        email="finance-ops@example.net",
        category="billing",
        other_category=None,
        subject="Payment reminder although the invoice is paid",
        messages=(
            SampleMessage(
                "user",
                60.4,
                (
                    "We received a reminder for INV-1108. The amount was transferred nine "
                    "days ago with the reference INV-1108. Please check and stop the "
                    "reminder.\n\n"
                    "Accounts Payable"
                ),
            ),
            SampleMessage(
                "admin",
                57.9,
                (
                    "Hello, I'm sorry for the bother. The transfer hasn't been matched yet. "
                    "Could you tell me the exact amount? I've paused all reminders for your "
                    "account meanwhile.\n\n"
                    "Nadia, EnergyRiskIQ support"
                ),
            ),
            SampleMessage(
                "user",
                3.2,
                (
                    "The amount was 1,188.00 EUR. Our bank may have deducted a fee of 12.00, "
                    "in which case you received 1,176.00. We will of course pay the "
                    "difference if so."
                ),
            ),
        ),
        status="open",
        read_by_admin=False,
    ),
    SampleTicket(
        email="june.whitfield@example.org",
        category="support",
        other_category=None,
        subject="Chart image is blurry when I download it",
        messages=(
            SampleMessage(
                "user",
                51.6,
                (
                    "PNG downloads of charts look blurry on paper. Is there a way to get a "
                    "higher resolution, or even SVG?"
                ),
            ),
            SampleMessage(
                "admin",
                33.1,
                (
                    'Hi June, in the download dialog there\'s a field "Scale", which is set '
                    "to 1. With 3 it prints nicely up to a full page. SVG isn't available "
                    "yet. Would it help you, or is a large PNG enough?\n\n"
                    "Ines, EnergyRiskIQ support"
                ),
            ),
        ),
        status="open",
        read_by_user=False,
    ),
    SampleTicket(
        email="k.brandt@example.com",
        category="support",
        other_category=None,
        subject="Team member cannot see shared alerts",
        messages=(
            SampleMessage(
                "user",
                44.9,
                (
                    "A colleague (role Analyst) doesn't see the alerts that I have shared "
                    "with the team. For everyone else it works. She has already signed out "
                    "and in again. What should we check?\n\n"
                    "K. Brandt"
                ),
            ),
        ),
        status="open",
        read_by_admin=False,
    ),
    SampleTicket(
        email="tomasz.wrona@example.net",
        category="support",
        other_category=None,
        subject='Alert names show up as "&lt;" and "&amp;" in the digest',
        messages=(
            SampleMessage(
                "user",
                36.2,
                (
                    'My alert is called "spread < 2 & falling". In the mail digest it reads '
                    '"spread &lt; 2 &amp; falling". The web page shows it right.'
                ),
            ),
            SampleMessage(
                "admin",
                34.0,
                (
                    "Hi Tomasz, escaped once too often, by the look of it. Is that in the "
                    "HTML mail or in the plain text one?\n\n"
                    "Ines, EnergyRiskIQ support"
                ),
            ),
            SampleMessage(
                "user",
                33.5,
                "Plain text. The HTML version is fine.",
            ),
        ),
        status="open",
    ),
    SampleTicket(
        email="mara.lindqvist@example.com",
        category="support",
        other_category=None,
        subject="Thank you, and one tiny thing about the mobile chart 📈",
        messages=(
            SampleMessage(
                "user",
                28.3,
                (
                    "The new mobile charts are so much better, thank you! 🎉 One tiny thing: "
                    "when I turn the phone sideways the legend covers the last week 🙈 "
                    "Portrait is perfect."
                ),
            ),
            SampleMessage(
                "admin",
                26.6,
                (
                    "Hi Mara, that made our morning ☀️ Which phone size is it roughly, and "
                    "does the legend move if you tap it once?\n\n"
                    "Jonas, EnergyRiskIQ support"
                ),
            ),
            SampleMessage(
                "user",
                25.9,
                (
                    "A small one, 5.4 inches. Tapping hides it 👍 so I can live with it, but "
                    "it comes back at every turn 🔄"
                ),
            ),
        ),
        status="open",
    ),
    SampleTicket(
        email="yara.haddad@example.org",
        category="other",
        other_category="Partnership",
        subject="Using EnergyRiskIQ data in a client newsletter",
        messages=(
            SampleMessage(
                "user",
                20.5,
                (
                    "Hello,\n\n"
                    "we publish a monthly newsletter for about 300 clients and would like to "
                    "show GERI and EERI (one chart each, monthly values) with your name next "
                    "to them. Does our Pro plan cover that or do we need a separate "
                    "agreement? And whom may we quote for a short comment?\n\n"
                    "Yara Haddad"
                ),
            ),
        ),
        status="open",
        read_by_admin=False,
    ),
    SampleTicket(
        email="dev.okafor@example.org",
        category="support",
        other_category=None,
        subject="Last row of a page comes again on the next page",
        messages=(
            SampleMessage(
                "user",
                11.7,
                (
                    'GET /v1/alerts?limit=50 and then following "next": the 50th alert is '
                    "also the 1st of page two. Only when two alerts have the same second in "
                    '"fired_at". We de-duplicate by id for now, so not urgent.'
                ),
            ),
        ),
        status="open",
        read_by_admin=False,
    ),
    SampleTicket(
        email="mara.lindqvist@example.com",
        category="billing",
        other_category=None,
        subject="Which plan includes more than five years of EGSI?",
        messages=(
            SampleMessage(
                "user",
                5.1,
                (
                    'The pricing page says "full history" for Pro, but our export ends five '
                    "years back. Is there a longer one, & in which plan?"
                ),
            ),
        ),
        status="open",
        read_by_admin=False,
    ),
    SampleTicket(
        email="mara.lindqvist@example.com",
        category="support",
        other_category=None,
        subject="I can't delete an alert that I have shared",
        messages=(
            SampleMessage(
                "user",
                1.4,
                (
                    'When I press Delete on "Nordic spread > 15" I get "Something is still '
                    "using this alert\". I stopped sharing it yesterday, and I don't see who "
                    "or what could still be using it.\n\n"
                    "Mara"
                ),
            ),
        ),
        status="open",
        read_by_admin=False,
    ),
)
"""Forty tickets, the longest ago opened first."""
