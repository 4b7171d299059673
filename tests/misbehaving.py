"""What servers and proxies send that they should not, and what is to be made of it.

Each is sent once; the next answer is a good one. Outcomes: "again" (asked again, then the good text), "denied" (nothing
can be answered), "final" (this request cannot), "refused", "mixed up" (asked again once); anything else is the text.
"""

from __future__ import annotations

import gzip
import json
import zlib
from typing import Any

from raw_server import GOOD_TEXT, chat, http

SOMEBODY = f"sg4v-{'0' * 32}-aaaaaaaa"
AGAIN, DENIED, FINAL, REFUSED = "again", "denied", "final", "refused"


def choice(message: object = None, **fields: Any) -> dict[str, Any]:
    """A completion of one choice, with its fields replaced."""
    message = {"content": GOOD_TEXT} if message is None else message
    return chat(choices=[{"index": 0, "message": message, "finish_reason": "stop", **fields}])


def error(told: object, status: str, **headers: str) -> bytes:
    return http(json.dumps({"error": told}), status, **headers)


def busy(retry_after: str, name: str = "Retry_After") -> bytes:
    return http("{}", "429 Too Many Requests", **{name: retry_after})


GOOD_BODY = json.dumps(chat())
BOMB = gzip.compress(b'{"id":"' + b"0" * (8 << 20) + b'"}', 9)
SHORT = "A leaf."
BARE_DEFLATE = zlib.compress(json.dumps(chat(SHORT)).encode())[2:-4]

CASES: dict[str, tuple[bytes, str]] = {
    # The line of the status, and the connection
    "nothing": (b"", AGAIN),
    "no http": (b"\x00\x01\x02 this is no HTTP\r\n\r\n", AGAIN),
    "status 999": (http("{}", "999 Odd"), AGAIN),
    "status 600": (http("{}", "600 Odd"), AGAIN),
    "status 1": (http("{}", "1 Odd"), AGAIN),
    "status -5": (http("{}", "-5 Odd"), AGAIN),
    "status of letters": (http("{}", "OK 200"), AGAIN),
    "status of 30 digits": (http("{}", f"{10**30} Odd"), AGAIN),
    "status 304": (http("", "304 Not Modified"), AGAIN),
    "status 204": (b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n", AGAIN),
    "status 101": (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n", AGAIN),
    "fifty times 100": (b"HTTP/1.1 100 Continue\r\n\r\n" * 50 + http(chat(SHORT)), SHORT),
    "half a head": (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Ty", AGAIN),
    "half an answer": (http(chat())[:-40], AGAIN),
    "a head without end": (b"HTTP/1.1 200 OK\r\nConnection: close\r\nX: " + b"y" * 200_000, AGAIN),
    "thousands of headers": (b"HTTP/1.1 200 OK\r\nConnection: close\r\n" + b"X-A: b\r\n" * 20_000 + b"\r\n{}", AGAIN),
    "header without colon": (b"HTTP/1.1 200 OK\r\nConnection: close\r\nnonsense\r\n\r\n{}", AGAIN),
    "header with NUL": (b"HTTP/1.1 200 OK\r\nConnection: close\r\nX: a\x00b\r\n\r\n{}", AGAIN),
    "length of letters": (http(GOOD_BODY, Content_Length="many"), AGAIN),
    "negative length": (http(GOOD_BODY, Content_Length="-1"), AGAIN),
    "two lengths": (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", AGAIN),
    "length of 100 GB": (http(GOOD_BODY, Content_Length="99999999999"), AGAIN),
    "length of 400 digits": (http(GOOD_BODY, Content_Length="9" * 400), AGAIN),
    "chunk of letters": (http(b"zz\r\n{}", Content_Length="", Transfer_Encoding="chunked"), AGAIN),
    "chunk without end": (http(b"5\r\n{}", Content_Length="", Transfer_Encoding="chunked"), AGAIN),
    "negative chunk": (http(b"-5\r\n{}\r\n0\r\n\r\n", Content_Length="", Transfer_Encoding="chunked"), AGAIN),
    "huge chunk": (http(b"fffffffffffffffff\r\n{}", Content_Length="", Transfer_Encoding="chunked"), AGAIN),
    # Compression, size and characters
    "gzip": (http(gzip.compress(json.dumps(chat(SHORT)).encode()), Content_Encoding="gzip"), SHORT),
    "gzip in capitals": (http(gzip.compress(json.dumps(chat(SHORT)).encode()), Content_Encoding="GZIP"), SHORT),
    "deflate": (http(zlib.compress(json.dumps(chat(SHORT)).encode()), Content_Encoding="deflate"), SHORT),
    "deflate without its header": (http(BARE_DEFLATE, Content_Encoding="deflate"), SHORT),
    "gzip that is none": (http(b"\x1f\x8b no", Content_Encoding="gzip"), AGAIN),
    "gzip cut short": (http(gzip.compress(GOOD_BODY.encode())[:-12], Content_Encoding="gzip"), AGAIN),
    "gzip of nothing": (http(b"", Content_Encoding="gzip"), AGAIN),
    "gzip bomb": (http(BOMB, Content_Encoding="gzip"), AGAIN),
    "gzip in gzip": (http(gzip.compress(gzip.compress(b"{}")), Content_Encoding="gzip, gzip"), AGAIN),
    "br": (http(GOOD_BODY, Content_Encoding="br"), AGAIN),
    "zstd": (http(GOOD_BODY, Content_Encoding="zstd"), AGAIN),
    "five megabytes": (http(chat("word " * 1_000_000)), AGAIN),
    "a text without end": (http(chat(" ".join(f"{number:x}" for number in range(60_000)))), AGAIN),
    "bytes that are no UTF-8": (http(GOOD_BODY.encode().replace(b"leaf", b"l\xffaf")), AGAIN),
    "UTF-16": (http(GOOD_BODY.encode("utf-16")), GOOD_TEXT),
    "byte order mark": (http(b"\xef\xbb\xbf" + json.dumps(chat(SHORT)).encode()), SHORT),
    "charset that is none": (http(json.dumps(chat(SHORT)), Content_Type="application/json; charset=no-9"), SHORT),
    "charset idna": (http(json.dumps(chat(SHORT)), Content_Type="application/json; charset=idna"), SHORT),
    "charset UTF-7": (http(json.dumps(chat("+AGE-")), Content_Type="application/json; charset=utf-7"), "+AGE-"),
    "half a character": (http(GOOD_BODY.replace("leaf", r"l\ud800f")), GOOD_TEXT.replace("ea", "\ufffd")),
    "NUL": (http(chat("A\x00 leaf.")), "A leaf."),
    # JSON that is none, or too much of it
    "empty body": (http(""), AGAIN),
    "half the JSON": (http(GOOD_BODY[:60]), AGAIN),
    "web page": (http("<html>Log in to the hotel's network</html>", Content_Type="text/html"), AGAIN),
    "200,000 deep": (http("[" * 200_000 + "]" * 200_000), AGAIN),
    "70 deep": (http(chat(x=json.loads("[" * 70 + "]" * 70))), AGAIN),
    "a million lists": (http('{"x":[' + "[]," * 1_000_000 + "[]]}"), AGAIN),
    "quotes that never close": (http('{"x": "' + '\\"' * 100_000), AGAIN),
    "number of 5,000 digits": (http('{"choices":' + "1" * 5000 + "}"), AGAIN),
    "null": (http("null"), AGAIN),
    "a list": (http("[]"), AGAIN),
    "a number": (http("5"), AGAIN),
    "events": (http(f"data: {GOOD_BODY}\n\n", Content_Type="text/event-stream"), AGAIN),
    # Parts that are missing, doubled, or something else
    "no choices": (http(chat(choices=[])), AGAIN),
    "null choices": (http(chat(choices=None)), AGAIN),
    "choices by number": (http(chat(choices={"0": {"message": {"content": "x"}}})), AGAIN),
    "a word as a choice": (http(chat(choices=["hello"])), AGAIN),
    "two choices of number 0": (http(chat(choices=[*chat("a")["choices"], *chat("b")["choices"]])), AGAIN),
    "only number 1": (http(choice(index=1)), AGAIN),
    "number 1 before number 0": (
        http(
            chat(choices=[{"index": 1, "message": {"content": "Wrong."}}, {"index": 0, "message": {"content": SHORT}}])
        ),
        SHORT,
    ),
    "number of a list": (http(choice(index=[0])), AGAIN),
    "no number": (http(chat(choices=[{"message": {"content": SHORT}}])), SHORT),
    "no message": (http(chat(choices=[{"index": 0, "finish_reason": "stop"}])), AGAIN),
    "a word as the message": (http(choice("hello")), AGAIN),
    "an error as the choice": (http(choice(error={"message": "provider gone", "code": 502})), AGAIN),
    "text in parts": (http(choice({"content": [{"text": "A "}, {"text": "leaf."}, {"text": 5}, 7]})), SHORT),
    "finish reason of a number": (http(choice({"content": SHORT}, finish_reason=7)), SHORT),
    "refusal of a list": (http(choice({"content": SHORT, "refusal": []})), SHORT),
    "id of a list": (http(chat(SHORT, id=[SOMEBODY])), SHORT),
    "tokens 10**30": (http(chat(SHORT, usage={"prompt_tokens": 10**30, "completion_tokens": 1})), SHORT),
    "tokens below zero": (http(chat(SHORT, usage={"prompt_tokens": -5, "completion_tokens": "x"})), SHORT),
    "tokens NaN": (
        http(json.dumps(chat(SHORT, usage={"prompt_tokens": float("nan"), "completion_tokens": True}))),
        SHORT,
    ),
    "tokens infinite": (http(json.dumps(chat(SHORT, usage={"prompt_tokens": float("inf")}))), SHORT),
    "usage of a list": (http(chat(SHORT, usage=[1])), SHORT),
    "two texts by one name": (http('{"choices":[{"message":{"content":"Old.","content":"A leaf."}}]}'), SHORT),
    # Errors
    "error with 200": (http({"error": {"message": "out of memory", "code": 500}}), AGAIN),
    "error of a word with 200": (http({"error": "overloaded"}), AGAIN),
    "rate limit with 200": (http({"error": {"message": "slow down", "code": "429"}}), AGAIN),
    "no key with 200": (http({"error": {"message": "no key", "code": 401}}), DENIED),
    "filter with 200": (http({"error": {"message": "no", "code": "content_filter"}}), REFUSED),
    "web page with 502": (http("<html>Bad Gateway</html>", "502 Bad Gateway"), AGAIN),
    "list with 500": (http("[1, 2]", "500 E"), AGAIN),
    "deep with 500": (http("[" * 100_000, "500 E"), AGAIN),
    "number with 400": (http("42", "400 Bad"), FINAL),
    "fields of other types with 400": (
        error({"message": {"a": 1}, "code": [5], "type": {}, "param": 7}, "400 Bad"),
        FINAL,
    ),
    "half a character with 400": (http(b'{"error": {"message": "bad \\ud800"}}', "400 Bad"), FINAL),
    "parameter in a list with 400": (error({"message": "temperature?", "param": ["temperature"]}, "400 Bad"), FINAL),
    "filter with 400": (error({"code": "content_filter", "message": "no"}, "400 Bad"), REFUSED),
    "gzip bomb with 500": (http(BOMB, "500 E", Content_Encoding="gzip"), AGAIN),
    "charset idna with 500": (http("{}", "500 E", Content_Type="text/html; charset=idna"), AGAIN),
    "401": (error({"message": "no such key"}, "401 Unauthorized"), DENIED),
    "402": (error("pay first", "402 Payment Required"), DENIED),
    "403": (http("", "403 Forbidden"), DENIED),
    "404": (http("<html>nginx</html>", "404 Not Found"), DENIED),
    "no money left": (error({"message": "quota", "code": "insufficient_quota"}, "429 Too Many Requests"), DENIED),
    # How long to wait
    **{
        f"Retry-After {value[:40]!r}": (busy(value), AGAIN)
        for value in (
            "Mon, 01 Jan 2001 00:00:00 GMT",
            "-5",
            "nan",
            "1e-999",
            "tomorrow",
            "0x10",
            "",
            "0, 0",
            "\u00b2",
            "Mon, 01 Jan 99999999999999999999 00:00:00 GMT",
            "Mon, 99 Foo 2020 99:99:99 GMT",
            "1" + "0" * 5000 + "x",
        )
    },
    "Retry-After-Ms nan": (busy("nan", "Retry_After_Ms"), AGAIN),
    # Other places
    "redirect in a circle": (http("", "307 Temporary Redirect", Location="/v1/chat/completions"), GOOD_TEXT),
    "redirect to another server": (http("", "307 Temporary Redirect", Location="http://192.0.2.1/v1"), DENIED),
    "redirect to a file": (http("", "307 Temporary Redirect", Location="file:///etc/passwd"), DENIED),
    "redirect to no address": (http("", "307 Temporary Redirect", Location="http://[::bad/"), AGAIN),
    "redirect to nowhere": (http("", "307 Temporary Redirect"), AGAIN),
    # Answers of somebody else
    "somebody's id": (http(chat(id=f"chatcmpl-{SOMEBODY}")), AGAIN),
    "somebody's id in a header": (http(chat(), X_Request_Id=SOMEBODY), AGAIN),
}
