"""Texts that steer terminals, break out of file formats or hide in them: what a model or a file name may hold."""

from __future__ import annotations

from hypothesis import strategies as st

ESC, BEL, CSI = "\x1b", "\x07", "\x9b"

TEXTS = (
    # terminals
    f"{ESC}]0;owned{BEL}title", f"{ESC}[2Jcleared", f"{ESC}[31mred{ESC}[0m", f"{CSI}2J", f"{ESC}c", f"{ESC}(0qqq",
    f"{ESC}]8;;http://evil.example{BEL}link{ESC}]8;;{BEL}", f"{ESC}]52;c;ZWNobyBoaQ=={BEL}", f"{ESC}P+q544e{ESC}\\",
    f"{ESC}[?1049h", f"{ESC}[6n", "\x9d0;c1 osc\x9c", "over\rwritten", "back\b\b\b\bspace", "nul\0byte", "bell\x07",
    "vertical\x0btab", "form\x0cfeed", "del\x7fete", "\x0e\x0fshift", "\x85next line", "\x1c\x1d\x1e\x1f",
    "two\nerror: lines", "win\r\nlines", "tab\tbed", "[bold red]rich[/bold red]", "[/]",
    "[link=http://evil.example]x[/link]",
    ":skull: :smile:", "%s %n {0} {task.description}", "\\x1b[2J",
    # directions and what is not seen
    "a\u202egnp.exe", "\u202d\u202etwice", "\u2066isolate\u2069", "\u2067\u2068", "\u061carabic mark",
    "zero\u200bwidth",
    "\ufeffbom", "\u2060joiner\u2064", "line\u2028separator", "paragraph\u2029separator", "\U000e0041\U000e0042tags",
    "\ufff9anno\ufffatation\ufffb", "\u180evowel", "half \ud800 pair", "\udce9 half", "\ud83d\ude00 by halves",
    # tags and times
    "<script>alert(1)</script>", "<b>bold</b>", "<i unclosed", "a < b and c > d", "<font color=red>x</font>",
    "<v Bob>voice",
    "<00:00:01.000>karaoke", "<br>", "{\\an8}top", "{y:i}slanted", "{5} people", "{\\pos(1,1)}", "C:\\New\\home\\n",
    "1\n00:00:00,000 --> 00:00:09,000\nmine", "-->", "--> 00:00", "a\n\nb", "\n\n\n", "   ", "", "WEBVTT",
    "NOTE\nx", "STYLE",
    "&lt;b&gt; &amp; &#x1b;", "&", "]]>", "<!-- x -->", "42",
    # Markdown
    "# head", "tail #", "- item", "+", "1. one", "2) two", "> quote", "***", "---", "===", "```code", "~~~",
    "`tick`", "|a|b|",
    "![x](http://evil.example)", "[x](javascript:alert(1))", "<http://evil.example>", "$x^2$", "\\", "\\*",
    "* * *", ": x",
    "_a_ __b__", "{#id .class}", "end\\", "    code",
    # spreadsheets
    "=1+1", "+1", "-1+1", "@SUM(1)", "\t=1", "\r=1", "\n=1", " =1", "\xa0=1", "\u3000@SUM(1)", "\uff1d1+1", '=HYPERLINK("http://evil.example")',
    '"quoted", x', "-dQw4w9WgXc",
    # JSON
    '"', '\\"', "\\u202e", "\x00\x01\x02", "</script>", "\U0001f600", "\u0000\u2028\ud800",
    # scripts that need their marks
    "می\u200cخواهم", "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "שלום\u200f!",
)  # fmt: skip


texts = st.one_of(
    st.sampled_from(TEXTS), st.text(max_size=60), st.lists(st.sampled_from(TEXTS), max_size=4).map(" ".join)
)
