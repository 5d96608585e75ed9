"""Why there is no seal: three kinds of reason, each for another exit status and for somebody else to mend."""


class Refused(Exception):  # noqa: N818 - a refusal is an answer, as the callers read it
    """What lies there is at fault: absent, unfinished, damaged, of another kind, changing. Nothing was changed."""


class Unable(Exception):  # noqa: N818 - as above
    """What lies there may be as it should be; this process could not do its part: no space, no permission."""


class Misused(ValueError):  # noqa: N818 - as above
    """What was asked for cannot be meant."""
