"""A process that runs command lines, one JSON list of arguments a line, within bounds of memory and CPU time.

It answers each with the exit code and what was said; a command that runs away ends the process (SIGXCPU).
"""

import contextlib
import io
import json
import resource
import sys
import traceback

MEMORY = 8 << 30
CPU_SECONDS = 150  # of a processor, so that a busy machine changes nothing


def answer(args):
    """Run one command line; whatever escapes it is reported as a traceback."""
    from symsched.cli.app import run

    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = run(args)
        except (Exception, SystemExit):
            code, _ = None, traceback.print_exc()
    return {"code": code, "err": err.getvalue(), "out": out.getvalue()[:2000]}


def only_one_claim():
    """`verify` without a name is a long command that is meant to be long: let the theory be one short claim."""
    from symsched import collection

    theory = collection.theory()
    collection.theory = lambda: [path for path in theory if path.name.startswith("c13")]


def a_short_page():
    """The page of `explore` takes nothing from the command line, and half a minute: let it be short."""
    from symsched import explorer

    explorer.render = lambda *_, **__: "<!DOCTYPE html>\n"


def main():
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    only_one_claim()
    a_short_page()
    replies = sys.stdout
    for line in sys.stdin:
        used = resource.getrusage(resource.RUSAGE_SELF)
        limit = int(used.ru_utime + used.ru_stime) + CPU_SECONDS
        resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))
        print(json.dumps(answer(json.loads(line))), file=replies, flush=True)


if __name__ == "__main__":
    main()
