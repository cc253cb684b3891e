# SPDX-License-Identifier: GPL-2.0-or-later
"""Finds what can be changed in a C file: each mutant is one small change in one line.

Left alone are comments, strings, preprocessor lines but for numbers in #define, and what has no
meaning to the program: assertions, prefetches, declarations of functions, what is expected of a
condition.
"""

import dataclasses
import re

# Operator -> what it becomes. The layout has a blank on both sides of a binary operator, which
# tells it from a sign, a pointer, an address.
BINARY = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "+": "-", "-": "+",
          "*": "+", "/": "*", "%": "/", "<<": ">>", ">>": "<<", "&": "|", "|": "&", "^": "|",
          "&&": "||", "||": "&&", "+=": "-=", "-=": "+=", "|=": "&=", "&=": "|=", "<<=": ">>=",
          ">>=": "<<="}
BINARY_RE = re.compile(r"(?<= )(" + "|".join(
    re.escape(op) for op in sorted(BINARY, key=len, reverse=True)) + r")(?= |$)")
STEP = {"++": "--", "--": "++"}
STEP_RE = re.compile(r"(?<=\w)(\+\+|--)|(\+\+|--)(?=\w)")
NUMBER_RE = re.compile(r"(?<![\w.])(0[xX][0-9a-fA-F]+|\d+)([uUlL]*)(?![\w.])")
NOT_RE = re.compile(r"!(?=[\w(])")
WORDS = {"true": "false", "false": "true"}
WORD_RE = re.compile(r"\b(true|false)\b")
RETURN_RE = re.compile(r"\breturn ([^;]+);")
IF_RE = re.compile(r"\b(if|while) \(")
# a whole statement on a line of its own, which is no declaration
STATEMENT_RE = re.compile(r"^\t+((?:[*(]*[A-Za-z_][\w.>\[\]()*+-]*(?:->[\w.\[\]]+)*)"
                          r"(?: [-+*/|&^%<>]*= .*|\(.*\)|\+\+|--)|break|continue);$")
FUNCTION_RE = re.compile(r"^(?!#|typedef\b|struct \w+ \{|enum\b|union\b)(?:[A-Za-z_][\w\s*]*?)?"
                         r"\b(\w+)\([^;]*$")
IGNORED_RE = re.compile(r"\b(assert|static_assert|_Static_assert|__builtin_prefetch|_Generic)\b|"
                        r"__attribute__")
ATTRIBUTE_RE = re.compile(r"__attribute__\(\((?:[^()]|\([^()]*\))*\)\)\s*")
DEFINE_RE = re.compile(r"^#define\s+\w+\s")


@dataclasses.dataclass(frozen=True)
class Mutant:
    """One change. Line counts from 1, column from 0."""
    path: str
    line: int
    column: int
    function: str
    what: str
    before: str
    after: str

    def key(self):
        """What names it in a file that outlives other changes."""
        return self.path, self.function, self.before.strip(), self.after.strip()

    def __str__(self):
        where = f" in {self.function}()" if self.function else ""
        return (f"{self.path}:{self.line}:{where} {self.what}\n"
                f"\t-\t{self.before.strip()}\n\t+\t{self.after.strip()}")


def code_of(text):
    """The text with blanks for comments and strings; all stays where it is."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match[0])
    return re.sub(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", blank, text,
                  flags=re.DOTALL)


def without_hints(code):
    """The same without the second argument of each __builtin_expect()."""
    for found in re.finditer(r"\b__builtin_expect\(", code):
        end = closing(code, found.end() - 1)
        comma = code.rfind(",", found.end(), end)
        if comma > 0:
            code = code[:comma + 1] + re.sub(r"[^\n]", " ", code[comma + 1:end]) + code[end:]
    return code


def closing(code, start):
    """The place of the parenthesis that closes the one at start, or -1."""
    depth = 0
    for at in range(start, len(code)):
        depth += {"(": 1, ")": -1}.get(code[at], 0)
        if depth == 0:
            return at
    return -1


def off_by_one(digits, suffix):
    value = int(digits, 0) if not re.fullmatch(r"0\d+", digits) else int(digits, 8)
    for other in (value + 1, value - 1):
        if other >= 0:
            yield f"{other:#x}{suffix}" if digits[:2].lower() == "0x" else f"{other}{suffix}"


def operators_of(code):
    """Yields (column, length, replacement) of operators and numbers in a line of code."""
    for found in BINARY_RE.finditer(code):
        yield found.start(), len(found[0]), BINARY[found[0]]
    for found in STEP_RE.finditer(code):
        yield found.start(), 2, STEP[found[0]]
    for found in NOT_RE.finditer(code):
        yield found.start(), 1, ""
    for found in WORD_RE.finditer(code):
        yield found.start(), len(found[0]), WORDS[found[0]]


def numbers_of(code):
    for found in NUMBER_RE.finditer(code):
        for other in off_by_one(found[1], found[2]):
            yield found.start(), len(found[0]), other


def statements_of(code):
    """What is returned, whether a condition holds, and whether a statement is there at all."""
    for found in RETURN_RE.finditer(code):
        for other in ("0", "1"):
            if found[1] not in ("0", "1", "NULL", "true", "false"):
                yield found.start(1), len(found[1]), other
    for found in IF_RE.finditer(code):
        start = found.end() - 1
        end = closing(code, start)
        # of (!x) the change without "!" is the same
        if end > 0 and not re.fullmatch(r"\(![\w.>\[\]-]+\)", code[start:end + 1]):
            yield start, end + 1 - start, None
    found = STATEMENT_RE.match(code)
    if found:
        yield found.start(1), len(found[1]), ""


def is_statement(code, before):
    """Whether the line begins a statement, and does not go on with the one before."""
    return not before.strip() or before.rstrip().endswith((";", "{", "}", ":", ")", "else"))


def mutants_of(path, text):
    """All mutants of a file, in its order."""
    lines, codes = text.split("\n"), without_hints(code_of(text)).split("\n")
    function, before, found, seen = "", "", [], set()
    for number, (line, code) in enumerate(zip(lines, codes), 1):
        if not code.strip():
            continue
        head = FUNCTION_RE.match(ATTRIBUTE_RE.sub("", code))
        if head:
            function = head[1]
        elif code == "}":
            before, function = code, ""
            continue
        changes = []
        if code.startswith("#"):
            if DEFINE_RE.match(code):
                changes = list(numbers_of(code))
        elif not head and not IGNORED_RE.search(code):
            changes = list(operators_of(code)) + list(numbers_of(code))
            changes += [change for change in statements_of(code)
                        if change[2] != "" or is_statement(code, before)]
        before = code
        for column, length, other in sorted(changes, key=lambda change: change[:2]):
            old = line[column:column + length]
            new = f"(!{old})" if other is None else other
            after = line[:column] + new + line[column + length:]
            if after in (line, ) or (number, after) in seen:
                continue
            seen.add((number, after))
            what = f"'{old}' becomes '{new}'" if new else f"'{old}' goes"
            found.append(Mutant(path, number, column, function, what, line, after))
    return found


def apply(text, mutant):
    lines = text.split("\n")
    assert lines[mutant.line - 1] == mutant.before
    lines[mutant.line - 1] = mutant.after
    return "\n".join(lines)
