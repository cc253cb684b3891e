#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""generate.py SHELL TEMPLATE TABLE: the completion of kmemstat for bash, zsh or fish, to standard
output: the template, with what kmemstat --help-man table (src/cli/help_table.c) wrote to TABLE in
the place of the line "@TABLE@".
"""

import collections
import pathlib
import re
import sys

Option = collections.namedtuple(
    "Option", "name alias letter letter_verbs verbs is_repeated argument arg values help")
Value = collections.namedtuple("Value", "list verbs view value help")

# Values with a comma between several.
COMMAS = {"sort", "fields", "event", "record-event", "model"}


class Table:
    """Verbs, options, values."""

    def __init__(self, text):
        self.verbs, self.options, self.values = {}, [], []
        for line in text.splitlines():
            kind, *fields = line.split("\t")
            if kind == "verb":
                self.verbs[fields[0]] = fields[1:]
            elif kind == "option":
                option = Option(*["" if field == "-" else field for field in fields])
                self.options.append(option._replace(
                    letter_verbs=option.letter_verbs.split(","), verbs=option.verbs.split(","),
                    is_repeated=option.is_repeated == "repeated"))
            else:
                value = Value(*["" if field == "-" else field for field in fields])
                self.values.append(value._replace(
                    verbs=value.verbs.split(",") if value.verbs else list(self.verbs)))
        # verbs that run a command and read no file
        self.runners = [verb for verb, fields in self.verbs.items() if fields[0] == "command"]
        lists = {value.list for value in self.values} | {"", "file", "directory"}
        unknown = {option.values for option in self.options} - lists
        if not self.verbs or not self.options or unknown:
            sys.exit(f"generate.py: no table, or options with unknown values: {unknown}")

    def words(self, option, verb):
        """How an option is written for a verb. Other spellings are taken, but not offered."""
        found = [f"--{option.name}"]
        if option.letter and verb in option.letter_verbs:
            found.insert(0, f"-{option.letter}")
        return found

    def lists(self):
        """Yields (list, view, verbs, values): lists that several verbs have alike come once."""
        found = collections.defaultdict(list)
        for name in dict.fromkeys(value.list for value in self.values):
            for verb in self.verbs:
                views = collections.defaultdict(dict)
                for value in self.values:
                    if value.list == name and verb in value.verbs:
                        views[value.view].setdefault(value.value, value.help)
                for view, values in views.items():
                    found[(name, view, tuple(values.items()))].append(verb)
        for (name, view, values), verbs in found.items():
            yield name, view, verbs, dict(values)


def brief(text):
    """The first clause of a help text."""
    depth = 0
    for i, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if not depth and letter in ".;:" and (text + " ")[i + 1] == " ":
            text = text[:i]
            break
    text = re.sub(r" \((default|what is shown)[^)]*\)", "", text)
    return text[:1].upper() + text[1:]


def quoted(text):
    """A word of bash and zsh."""
    return "'" + text.replace("'", "'\\''") + "'"


def patterns(verbs, table, rest):
    """VERB:REST | ... of a case; *: for all verbs."""
    if len(verbs) == len(table.verbs):
        return f"*:{rest}"
    return " | ".join(f"{verb}:{rest}" for verb in verbs)


def argument_cases(table):
    """Which options have which argument, as a case of VERB:OPTION for bash and zsh."""
    for option in table.options:
        if option.argument == "none":
            continue
        names = " | ".join(f"*:--{name}" for name in (option.name, option.alias) if name)
        if option.letter:
            names += " | " + patterns(option.letter_verbs, table, f"-{option.letter}")
        yield f"\t{names}) kind={option.argument} list={option.values or '-'} ;;"
    # letters that all options have alike, of which the verb is not known yet
    letters = {option.letter for option in table.options
               if option.letter and option.argument == "required"}
    yield f"\t*:-[{''.join(sorted(letters))}]) kind=required list=- ;;"
    yield "\t*) kind=none list=- ;;"


def bash(table):
    yield f"__kmemstat_verbs={quoted(' '.join(table.verbs))}"
    yield f"__kmemstat_runners={quoted(' ' + ' '.join(table.runners) + ' ')}"
    yield f"__kmemstat_commas={quoted(' ' + ' '.join(sorted(COMMAS)) + ' ')}"
    yield ""
    yield "# VERB: its options, with = behind those that need an argument"
    yield "__kmemstat_options()\n{\n\tcase $1 in"
    for verb in table.verbs:
        words = [word + ("=" if option.argument == "required" and word[1] == "-" else "")
                 for option in table.options if verb in option.verbs
                 for word in table.words(option, verb)]
        yield f"\t{verb}) echo {quoted(' '.join(words))} ;;"
    yield "\tesac\n}\n"
    yield "# VERB OPTION: sets kind and list of its argument"
    yield "__kmemstat_argument()\n{\n\tcase $1:$2 in"
    yield from argument_cases(table)
    yield "\tesac\n}\n"
    yield "# VERB LIST VIEW: the values"
    yield "__kmemstat_values()\n{\n\tcase $1:$2:$3 in"
    for name, view, verbs, values in table.lists():
        yield f"\t{patterns(verbs, table, name + ':' + (view or '*'))}) " \
              f"echo {quoted(' '.join(values))} ;;"
    yield "\tesac\n}"


def zsh_text(text):
    """A text in a spec of _arguments or _describe."""
    return re.sub(r"([\\\[\]:])", r"\\\1", text)


def zsh(table):
    verbs = [quoted(f"{verb}:{zsh_text(brief(fields[1]))}") for verb, fields in table.verbs.items()]
    yield "__kmemstat_verbs=(\n\t" + "\n\t".join(verbs) + "\n)"
    yield f"__kmemstat_runners=({' '.join(table.runners)})"
    yield f"__kmemstat_commas=({' '.join(sorted(COMMAS))})"
    yield ""
    yield "# VERB: sets specs, of _arguments"
    yield "__kmemstat_specs() {\n\tcase $1 in"
    for verb in table.verbs:
        yield f"\t{verb}) specs=("
        for option in table.options:
            if verb not in option.verbs:
                continue
            words = table.words(option, verb)
            for word in words:
                mark = {"none": "", "optional": "=-", "required": "="}[option.argument]
                if word[1] != "-":
                    mark = {"=": "+", "=-": "", "": ""}[mark]
                spec = "*" if option.is_repeated else f"({' '.join(words)})" * (len(words) > 1)
                spec += f"{word}{mark}[{zsh_text(brief(option.help))}]"
                if mark:
                    spec += ":" * (1 + (option.argument == "optional")) + zsh_text(option.arg)
                    spec += f": __kmemstat_argument {verb} {option.values or 'none'}"
                yield f"\t\t{quoted(spec)}"
        yield "\t) ;;"
    yield "\tesac\n}\n"
    yield "# VERB OPTION: sets kind and list of its argument"
    yield "__kmemstat_kind() {\n\tcase $1:$2 in"
    yield from argument_cases(table)
    yield "\tesac\n}\n"
    yield "# VERB LIST VIEW: adds to values"
    yield "__kmemstat_values() {\n\tcase $1:$2:$3 in"
    for name, view, verbs, values in table.lists():
        yield f"\t{patterns(verbs, table, name + ':' + (view or '*'))}) values+=("
        for value, text in values.items():
            yield "\t\t" + quoted(value + (":" + zsh_text(brief(text)) if text else ""))
        yield "\t) ;;"
    yield "\tesac\n}"


def fish_quoted(text):
    return "'" + re.sub(r"(['\\])", r"\\\1", text) + "'"


def fish_values(table):
    yield "# VERB LIST VIEW: the values, each with a tab and what it is"
    yield "function __kmemstat_table\n    switch \"$argv[1]:$argv[2]:$argv[3]\""
    for name, view, verbs, values in table.lists():
        cases = " ".join(f"'{verb}:{name}:{view or '*'}'"
                         for verb in (verbs if len(verbs) < len(table.verbs) else ["*"]))
        yield f"        case {cases}"
        lines = (fish_quoted(value + "\t" + brief(text)) for value, text in values.items())
        yield "            printf '%s\\n' " + " \\\n                ".join(lines)
    yield "    end\nend\n"


def fish(table):
    takers = [word for option in table.options if option.argument == "required"
              for verb in table.verbs
              for word in [*table.words(option, verb), f"--{option.alias or option.name}"]]
    yield f"set -g __kmemstat_verbs {' '.join(table.verbs)}"
    yield f"set -g __kmemstat_commas {' '.join(sorted(COMMAS))}"
    yield f"set -g __kmemstat_takers {' '.join(dict.fromkeys(takers))}"
    yield ""
    yield from fish_values(table)
    for verb, (_, text) in table.verbs.items():
        yield f"complete -c kmemstat -n __kmemstat_is_first -a {verb} -d {fish_quoted(brief(text))}"
    yield f"complete -c kmemstat -n '__kmemstat_verb_is {' '.join(table.runners)}' -f"
    yield "complete -c kmemstat -n __kmemstat_has_command -a '(__kmemstat_command)'"
    for option in table.options:
        groups = collections.defaultdict(list)
        for verb in option.verbs:
            groups[tuple(table.words(option, verb))].append(verb)
        for words, verbs in groups.items():
            line = "complete -c kmemstat"
            line += f" -n '__kmemstat_verb_is {' '.join(verbs)}'"
            for word in words:
                line += f" -l {word[2:]}" if word[1] == "-" else f" -s {word[1]}"
            if option.argument == "required":
                line += " -r"
            if option.values == "file":
                line += " -F"
            elif option.values == "directory":
                line += " -f -a '(__fish_complete_directories (commandline -ct))'"
            elif option.argument != "none":
                line += " -f"
                if option.values:
                    line += f" -a '(__kmemstat_values {option.values})'"
            yield line + f" -d {fish_quoted(brief(option.help))}"


def main():
    shell, template, table = sys.argv[1:]
    table = Table(pathlib.Path(table).read_text(encoding="utf-8"))
    lines = {"bash": bash, "zsh": zsh, "fish": fish}[shell](table)
    text = pathlib.Path(template).read_text(encoding="utf-8")
    sys.stdout.write(text.replace("@TABLE@\n", "\n".join(lines) + "\n"))


main()
