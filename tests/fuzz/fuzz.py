#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Builds the fuzz targets with clang and runs them, one at a time.

usage: fuzz.py [--seconds N] [--runs N] [--rounds N] [--dir DIR] BUILD [TARGET...]

BUILD is a build directory of this source; BUILD/fuzz becomes another one, of the targets with
libFuzzer, ASan and UBSan. Corpora grow in DIR/corpus/TARGET (DIR is BUILD/fuzz if not given),
finds are put in DIR/finds/TARGET, and DIR/log.tsv gets a line for each run. What a target finds is
fixed and goes to tests/fuzz/finds/TARGET, which the test suite gives to it for ever after.

Exit status: 1 if something was found, 77 if there is no clang with libFuzzer.
"""

import argparse
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
SEEDS = "seeds"
# an input that takes longer or more is a find
SECONDS_MOST, MEGABYTES_MOST = 10, 2048
# less of what costs time and finds nothing here
ASAN = "quarantine_size_mb=16:malloc_context_size=4:max_malloc_fill_size=0"


def has_libfuzzer(clang):
    with tempfile.TemporaryDirectory() as tmp:
        code = os.path.join(tmp, "a.c")
        with open(code, "w", encoding="ascii") as file:
            file.write("int LLVMFuzzerTestOneInput(const char *d, unsigned long n);\n"
                       "int LLVMFuzzerTestOneInput(const char *d, unsigned long n)\n"
                       "{ return !d + !n < 0; }\n")
        return subprocess.run([clang, "-fsanitize=fuzzer,address,undefined", code, "-o",
                               os.path.join(tmp, "a")], check=False,
                              stderr=subprocess.DEVNULL).returncode == 0


def build(folder):
    """Configures and compiles, saying little; a failure shows all."""
    env = dict(os.environ, CC="clang")
    commands = []
    if not (folder / "build.ninja").exists():
        commands.append(["meson", "setup", "-Dfuzz=true", "--buildtype=debugoptimized",
                         str(folder), str(TOP)])
    commands.append(["ninja", "-C", str(folder), "fuzz-targets", "src/cli/kmemstat"])
    for command in commands:
        done = subprocess.run(command, env=env, check=False, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            sys.exit(f"{' '.join(command)}:\n{done.stdout[-4000:]}")


def number(pattern, text, default="0"):
    found = re.findall(pattern, text)
    return found[-1] if found else default


def run(program, target, folder, limits):
    """Returns whether nothing was found."""
    corpus, finds = folder / "corpus" / target, folder / "finds" / target
    for path in (corpus, finds):
        path.mkdir(parents=True, exist_ok=True)
    command = [str(program), str(corpus), str(folder / SEEDS / target), *limits,
               f"-timeout={SECONDS_MOST}", f"-rss_limit_mb={MEGABYTES_MOST}",
               f"-artifact_prefix={finds}/", "-print_final_stats=1", "-entropic=0"]
    if (HERE / "finds" / target).is_dir():
        command.insert(3, str(HERE / "finds" / target))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    done = subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          env=dict(os.environ, ASAN_OPTIONS=ASAN))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    text = done.stderr.decode(errors="replace")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    runs = number(r"(?m)^#(\d+)\s", text)
    row = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), target,
           number(r"number_of_executed_units:\s*(\d+)", text, runs), f"{cpu:.1f}",
           f"{time.monotonic() - start:.1f}", number(r" cov: (\d+)", text),
           number(r" ft: (\d+)", text), str(len(list(corpus.iterdir()))),
           "ok" if done.returncode == 0 else f"status {done.returncode}"]
    with open(folder / "log.tsv", "a", encoding="ascii") as log:
        log.write("\t".join(row) + "\n")
    print(f"{target}: {row[2]} runs, {row[3]} s of CPU, {row[5]} edges, {row[6]} features: "
          f"{row[8]}", flush=True)
    if done.returncode:
        start = min((at for at in (text.find("ERROR:"), text.find("runtime error:")) if at >= 0),
                    default=0)
        print(text[max(0, start - 300):start + 4000])
        (folder / "finds" / f"{target}.{int(time.time())}.txt").write_text(text)
    return done.returncode == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--runs", type=int, help="for each target at most")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--dir", type=pathlib.Path)
    parser.add_argument("--no-build", action="store_true", help="BUILD/fuzz is there and is new")
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("targets", nargs="*")
    args = parser.parse_args()
    built = args.build / "fuzz"
    if not args.no_build:
        if not shutil.which("clang") or not has_libfuzzer("clang"):
            print("skipped: there is no clang with libFuzzer")
            return 77
        build(built)
    folder = args.dir or built
    programs = {path.name.removeprefix("fuzz_"): path
                for path in sorted((built / "tests" / "fuzz").glob("fuzz_*")) if path.is_file()}
    subprocess.run([sys.executable, str(HERE / "seeds.py"), str(built / "src/cli/kmemstat"),
                    str(TOP / "testdata"), str(folder / SEEDS)], check=True)
    limits = [f"-max_total_time={args.seconds}"]
    if args.runs is not None:
        limits.append(f"-runs={args.runs}")
    good = True
    for _ in range(args.rounds):
        for target in args.targets or programs:
            good &= run(programs[target], target, folder, limits)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
