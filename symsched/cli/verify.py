HELP = "x"


def verify() -> None: ...
