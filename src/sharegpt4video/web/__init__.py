"""The pages: a server that captions, answers, browses and mends, and what the browser loads from it."""
