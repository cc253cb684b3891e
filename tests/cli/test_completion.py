#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""test_completion.py KMEMSTAT FOLDER SHELL TRACE: what bash, zsh or fish offer for command lines of
kmemstat, with the completion in FOLDER; asked in the shell itself, in a terminal. Speaks TAP.

What is offered is held against --help of the verb, and values against the program, which has to
take them.
"""

import os
import pathlib
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time

KMEMSTAT, FOLDER, SHELL, TRACE = sys.argv[1:]
KMEMSTAT = os.path.abspath(KMEMSTAT)
FOLDER = pathlib.Path(FOLDER).resolve()
ENV = {"PATH": f"{os.path.dirname(KMEMSTAT)}:/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C.UTF-8",
       "TERM": "dumb"}
END = "=-=end=-="
# Lines, and what has to be offered for them: these words and no others; None: held against --help.
FILES = ["other.txt", "trace.dat", "traces/"]
SEVERITIES = ["low", "medium", "high"]
LINES = [
    ("kmemstat --for", ["--force", "--format="]),
    ("kmemstat stat --min", ["--min-severity="]),
    ("kmemstat --min-severity=", SEVERITIES),
    ("kmemstat --min-severity ", SEVERITIES),
    ("kmemstat -q check --min-severity=m", ["medium"]),
    ("kmemstat check --fail-on=leak-suspect:", ["leak-suspect:" + one for one in SEVERITIES]),
    ("kmemstat check --fail-on any:l", ["any:low"]),
    ("kmemstat --sort=fr", ["frag", "freed"]),
    ("kmemstat --sort=hit,fr", ["hit,frag", "hit,freed"]),
    ("kmemstat -s hit,waste,ping", ["hit,waste,pingpong"]),
    ("kmemstat --class --cache -s slabs", ["slabs"]),
    ("kmemstat --fields=+own-", []),
    ("kmemstat --own-cache --fields=+size,per-", ["+size,per-slab"]),
    ("kmemstat top --sort=waste-", ["waste-rate"]),
    ("kmemstat types --sort=hol", ["holes"]),
    ("kmemstat diff --by=", ["waste", "hits", "bytes", "req", "live", "objects"]),
    ("kmemstat --format=sar", ["sarif"]),
    ("kmemstat diff --format=mark", ["markdown"]),
    ("kmemstat diff --format=sar", []),
    ("kmemstat --format=json=ot", ["json=other.txt"]),
    ("kmemstat --model=slub,net", ["slub,netbsd", "slub,netbsd-2009"]),
    ("kmemstat --event=kmalloc,kfr", ["kmalloc,kfree"]),
    ("kmemstat record -e pag", ["page"]),
    ("kmemstat dump --event=pag", []),
    ("kmemstat --color=", ["auto", "always", "never"]),
    ("kmemstat top --view=cal", ["callers"]),
    ("kmemstat merge --key=", ["fingerprint", "symbol", "offset"]),
    ("kmemstat ch", ["check"]),
    ("kmemstat --caller ch", ["check"]),
    ("kmemstat -l 5 ch", ["check"]),
    ("kmemstat --lines 5 ch", ["check"]),
    ("kmemstat --lines=5 --sort frag ch", ["check"]),
    ("kmemstat info tr", FILES[1:]),
    ("kmemstat tr", FILES[1:]),
    ("kmemstat trace.dat ch", []),
    ("kmemstat -i tr", FILES[1:]),
    ("kmemstat --debug-dir=tr", ["traces/"]),
    ("kmemstat --debug-dir tr", ["traces/"]),
    ("kmemstat top -i 2 tr", FILES[1:]),
    ("kmemstat diff trace.dat ot", ["other.txt"]),
    ("kmemstat record tr", []),
    ("kmemstat live --duration 1 -- traced-j", ["traced-job"]),
    ("kmemstat live -- cat ot", ["other.txt"]),
    ("kmemstat --width=", []),
    ("kmemstat dump --caller", []),
    ("kmemstat dump --call", ["--callsite="]),
    ("kmemstat --help-m", []),
]


def environment(folder):
    return dict(ENV, HOME=folder, PATH=f"{folder}/.bin:{ENV['PATH']}")


class Terminal:
    """A shell in a terminal of its own."""

    def __init__(self, args, folder):
        self.master, slave = os.openpty()
        subprocess.run(["stty", "-echo", "rows", "900", "columns", "400"], stdin=slave, check=True)
        self.shell = subprocess.Popen(args, stdin=slave, stdout=slave, stderr=slave, cwd=folder,
                                      env=environment(folder), start_new_session=True)
        os.close(slave)

    def send(self, text):
        os.write(self.master, text.encode())

    def read_to(self, mark, seconds=30):
        """What comes until the mark."""
        got, end = "", time.monotonic() + seconds
        while mark not in got:
            ready = select.select([self.master], [], [], max(0, end - time.monotonic()))[0]
            if not ready:
                raise TimeoutError(f"no {mark!r} after {got[-400:]!r}")
            got += os.read(self.master, 65536).decode(errors="replace")
        return got.replace("\r", "")

    def close(self):
        self.shell.kill()
        self.shell.wait()
        os.close(self.master)


class Shell:
    def close(self):
        self.terminal.close()


class Bash(Shell):
    """M-* puts all that is offered into the line, which a key then prints."""

    def __init__(self, folder):
        self.terminal = Terminal(["bash", "--norc", "--noprofile"], folder)
        self.terminal.send("PS1= PS2=; bind 'set enable-bracketed-paste off'\n"
                           "bind 'set bell-style none'; bind '\"\\C-t\": insert-completions'\n"
                           "__show() { printf '<%s>\\n%s\\n' \"$READLINE_LINE\" '=-=end''=-='; }\n"
                           "bind -x '\"\\C-o\": __show'\n"
                           f"source {FOLDER}/kmemstat\n"
                           "echo '=-=end''=-='\n")
        self.terminal.read_to(END)

    def ask(self, line):
        self.terminal.send(line + "\x14\x0f")
        shown = self.terminal.read_to(END)
        self.terminal.send("\x15")
        after = shown[shown.index("<") + 1:shown.rindex(">")]
        # readline completes what is behind the last of these
        kept = re.match(r".*[\s=:]|", line)[0]
        return after[len(kept):].split() if after != line else []


class Zsh(Shell):
    """A key lists what is offered behind the line."""

    def __init__(self, folder):
        self.terminal = Terminal(["zsh", "-f", "-i"], folder)
        self.terminal.send("PS1= PS2= PROMPT_EOL_MARK=; unsetopt zle_bracketed_paste beep prompt_cr\n"
                           "unsetopt list_ambiguous; LISTMAX=100000\n"
                           f"fpath=({FOLDER} $fpath); autoload -Uz compinit; compinit -u -D\n"
                           "zstyle ':completion:*' verbose no\n"
                           "__end() { BUFFER=; zle -M '=-=end''=-=' }; zle -N __end\n"
                           "bindkey -e; bindkey '^T' list-choices; bindkey '^O' __end\n"
                           "echo '=-=end''=-='\n")
        self.terminal.read_to(END)

    def ask(self, line):
        self.terminal.send(line + "\x14\x0f")
        shown = self.terminal.read_to(END)
        lines = shown[shown.index(line) + len(line):shown.index(END)].split("\n")[1:]
        return [word for one in lines if one.strip() != line.strip() for word in one.split()]


class Fish:
    """It has a command for it."""

    def __init__(self, folder):
        self.folder = folder

    def close(self):
        """It is run for each line."""

    def ask(self, line):
        done = subprocess.run(["fish", "--no-config", "-c",
                               f"source {FOLDER}/kmemstat.fish; complete -C {line!r}"],
                              cwd=self.folder, env=environment(self.folder), check=True,
                              capture_output=True, text=True, timeout=60)
        found = [one.split("\t")[0] for one in done.stdout.splitlines()]
        # where nothing begins so, it offers what is alike
        return [one for one in found if one.startswith(line.split(" ")[-1])]


def plain(words):
    """What is behind the last comma, colon or =: as much as every shell shows."""
    return sorted({re.sub(r"^(.*[,:=](?=.)|\+)", "", re.sub(r"[=/]$", "", word)) for word in words})


def run(*args):
    return subprocess.run([KMEMSTAT, *args], env=ENV, capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL, check=False)


def help_options(verb):
    """The long options of --help, which are at the beginning of a line."""
    return re.findall(r"^  (?:-\w,|   ) (--[\w-]+)", run(verb, "--help").stdout, re.MULTILINE)


def verbs():
    return re.findall(r"^(?:Usage:|      ) kmemstat \[?(\w+)", run("--help").stdout, re.MULTILINE)


# Tables and their options of keys; lines of other values, and what is done with one of them.
TABLES = ["caller", "live", "cache", "task", "alloc", "page", "page-frame", "percpu", "models",
          "model-class", "model-caller", "locality", "own-cache", "percpu-replay"]
VALUES = ["stat --min-severity=", "stat --format=", "stat --model=", "stat --event=", "stat --color=",
          "check --fail-on=", "check --fail-on=any:", "diff --by=", "diff --format=", "top --view="]
UNKNOWN = re.compile(r"unknown|there is no|no model|is not|no severity")


def refused(line, words):
    """Of what is offered for the line, what the program does not know."""
    wrong = [] if words else ["nothing"]
    for word in words:
        *args, last = line.split()
        last = re.sub(r"[^=:]*$", "", last) + word
        files = [TRACE] * (1 + (args[0] == "diff")) + ["--batch", "-q"] * (args[0] == "top")
        if UNKNOWN.search(run(*args, last, "--output=/dev/null", *files).stderr
                          if args[0] != "top" else run(*args, last, *files).stderr):
            wrong.append(word)
    return wrong


def check_values(shell):
    for line in VALUES:
        wrong = refused(line, shell.ask(f"kmemstat {line}"))
        yield f"values of {line}", not wrong, wrong
    for table in TABLES:
        line = f"stat --{table} --sort="
        keys = shell.ask(f"kmemstat {line}")
        # as many at once as it takes
        wrong = refused(line, [",".join(keys[i:i + 16]) for i in range(0, len(keys), 16)])
        yield f"values of {line}", not wrong, wrong


def main():
    if not shutil.which(SHELL):
        print(f"1..0 # SKIP {SHELL} is not installed")
        return
    results = []
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(f"{folder}/traces")
        for name in ("trace.dat", "other.txt"):
            pathlib.Path(folder, name).touch()
        os.mkdir(f"{folder}/.bin")
        os.symlink("/bin/true", f"{folder}/.bin/traced-job")
        shell = {"bash": Bash, "zsh": Zsh, "fish": Fish}[SHELL](folder)
        for line, wanted in LINES:
            got = plain(shell.ask(line))
            results.append((line, got == plain(wanted), f"{got} instead of {plain(wanted)}"))
        got = plain(shell.ask("kmemstat "))
        results.append(("verbs and files", set(got) >= {*verbs(), "trace.dat"}, got))
        for verb in verbs():
            got, wanted = plain(shell.ask(f"kmemstat {verb} --")), plain(help_options(verb))
            results.append((f"options of {verb}", got == wanted and len(got) > 5,
                            f"{set(got) ^ set(wanted)}"))
        if SHELL == "bash": # the values are those of the others
            results.extend(check_values(shell))
        shell.close()
    print(f"1..{len(results)}")
    for number, (name, is_good, why) in enumerate(results, 1):
        print(f"{'ok' if is_good else 'not ok'} {number} - {name}")
        if not is_good:
            print(f"# {why}")


main()
