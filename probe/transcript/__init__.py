"""Takes apart the text of logs: what people's own debug commands and the tools printed."""
