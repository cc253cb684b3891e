#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The mutation check itself: what it changes, and whether it tells what is noticed. Speaks TAP.

usage: selftest.py BUILD
"""

import pathlib
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "lib")]

import finder  # noqa: E402
import mutation  # noqa: E402
import program  # noqa: E402
from tap import check, end  # noqa: E402

CODE = """\
#define ROOM 16
/* a + b */
static bool is_less(int a, const char *b)
{
	assert(a < 3);
	if (!b || a <= *b)
		return true;
	a += strlen("x == y");
	call(a,
	     a - 1);
	while (__builtin_expect(a > *b ||
					!a,
				0))
		a /= 2;
	return a;
}
"""
CHANGED = """\
#define ROOM 17
#define ROOM 15
	if (!(!b || a <= *b))
	if (b || a <= *b)
	if (!b && a <= *b)
	if (!b || a < *b)
		return false;
	;
	a -= strlen("x == y");
	     a + 1);
	     a - 2);
	     a - 0);
	while (__builtin_expect(a >= *b ||
	while (__builtin_expect(a > *b &&
					a,
		;
		a /= 3;
		a /= 1;
	return 0;
	return 1;
"""
REASONS = """\
# a comment

src/a.c f
	- x = 1;
	+ x = 2;
	nobody
	looks

src/a.c
	- #define N 1
	+ *
	only faster
"""
# a file that a quick unit test runs, and what that test sees
FILE, TEST, FUNCTION = "src/agg/map.c", "unit-groups", "km_map_find"


def finds():
    found = finder.mutants_of("a.c", CODE)
    check("".join(f"{mutant.after}\n" for mutant in found) == CHANGED, "what is changed",
          [mutant.after for mutant in found])
    check(all(mutant.function == ("is_less" if mutant.line > 1 else "") for mutant in found),
          "the function is told")
    check(all(CODE.splitlines()[mutant.line - 1] == mutant.before and
              finder.apply(CODE, mutant).count("\n") == CODE.count("\n") for mutant in found),
          "a change stays in its line")


def explains():
    with tempfile.TemporaryDirectory() as tmp:
        path = pathlib.Path(tmp) / "equivalent.txt"
        path.write_text(REASONS, encoding="ascii")
        reasons = mutation.read_equivalent(path)
    used = set()

    def reason(*args):
        return mutation.reason_of(reasons, finder.Mutant(*args), used)

    check(reason("src/a.c", 9, 1, "f", "", "\tx = 1;", "\tx = 2;") == "nobody looks",
          "a reason is found by what the line says, wherever it is")
    check(reason("src/a.c", 9, 1, "g", "", "\tx = 1;", "\tx = 2;") is None,
          "that of another function is not")
    check(reason("src/a.c", 9, 1, "f", "", "\tx = 1;", "\tx = 0;") is None,
          "nor that of another change")
    check(reason("src/a.c", 1, 1, "", "", "#define N 1", "#define N 0") == "only faster",
          "* stands for any")
    check(used == set(reasons), "what was used is known")


def tries(folder):
    build = program.Build(folder, mutation.TOP)
    tests = {test.name: test for test in build.tests({"unit"})}
    trial = mutation.Trial(build, {TEST: tests[TEST]}, None, True)
    text = (mutation.TOP / FILE).read_text(encoding="utf-8")
    known = [mutant for mutant in finder.mutants_of(FILE, text)
             if mutant.function == FUNCTION and mutant.after.strip() == "return 0;"]
    check(len(known) == 1, "the known mutant is there", known)
    got = trial.try_text(FILE, finder.apply(text, known[0]), [TEST])
    check(got[0] == mutation.KILLED and got[1].startswith(TEST), "a known mutant is noticed", got)
    got = trial.try_text(FILE, text + "extern const int km_neutral;\nconst int km_neutral = 1;\n",
                         [TEST])
    check(got[0] == mutation.SURVIVED, "a neutral one is not", got)
    got = trial.try_text(FILE, text.replace("/*", "/* ", 1), [TEST])
    check(got[0] == mutation.SAME, "the same code is told", got)
    got = trial.try_text(FILE, text + "}\n", [TEST])
    check(got[0] == mutation.INVALID, "what is not C is told", got)


def main():
    finds()
    explains()
    tries(sys.argv[1])
    return end()


sys.exit(main())
