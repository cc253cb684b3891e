# SPDX-License-Identifier: GPL-2.0-or-later
"""Inputs whose every text is hostile, and their twins: the same with harmless text of the same shape.

Bytes that are no UTF-8 are surrogates here (surrogateescape).
"""

import os
import pathlib
import re
import shutil
import subprocess

import kmem
import perfdata
import ringbuf
from tracedat import (OPT_CPUCOUNT, OPT_HOOK, OPT_TRACECLOCK, OPT_TRACEID, OPT_UNAME, OPT_VERSION)

# What means something to a terminal, a person who reads, a spreadsheet, Markdown, HTML, XML, JSON,
# Prometheus, a shell, or the log of a CI job. No white space: see SPACED.
STRINGS = (
    "\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "\x1b[666h\x1bP1q\x1b\\", "\x9b31mc1\x9d0;t\x9c",
    "\x07\x08\x08\x7f\x0e", "\u202eevil\u202c", "\u2066iso\u2069\u200e\u200f\u061c",
    "zero\u200bwidth\u200c\u200d\u2060\ufeff", "soft\u00adhyphen\u034f\u180e",
    "tag\U000e0001\U000e0041\ufe0f\u3164\uffa0", "non\ufffe\uffff\ufdd0\U0001fffe", "\u2028line\u2029",
    "\udcff\udcfe\udc80", "\udcc0\udcaf", "\udced\udca0\udc80", "\udcf0\udc9f\udc92", "\udce2\udc80",
    "</script><script>alert(1)</script>", "<img/src=x/onerror=alert(1)>", "<!--<script>", "]]>",
    "\"onmouseover=\"alert(1)", "'onload='x", "&lt;script&gt;&#x1b;&amp;", "<?xml?>", "<![CDATA[",
    "a|b|c", "`code`", "``", "back\\|slash\\", "[x](javascript:alert(1))", "![i](//evil.example/p)",
    "https://evil.example/", "www.evil.example", "@user", "org/repo#1", "**b**__c__~~d~~", "$x$",
    "${{github.token}}", "$(id)`id`", ":smile:", "::error::x%0A::error::y", "##[error]x",
    "::add-mask::x", "%0A::warning::x%0D", "=cmd|'/C:calc'!A0", "+1+cmd", "-1+2", "@SUM(A1:A9)",
    "\uff1dcmd", "\uff0b1", "\"q\",\"r\"", "',;\t".strip(), "{0}{}%s%n%x", "\\n\\u001b\\x1b",
    "}#_EOF", "\"}\\n#", "a;b;c", "constructor", "__proto__", "-", "other", "unknown", "null",
    "x" * 3000, "\u00e4" * 700,
)
# What only some places can hold: text with white space and with new lines.
SPACED = ("two words", "tab\there", "cr\rlf", "new\nline", "\n::error::x", "\n| a | b |\n|---|---|",
          "\n<script>", "\n# EOF\n", "\r\n=1+1\r\n", "\n```\n", " leading", "trailing ",
          "\n2. x\n- y\n# h", "\u3000wide")
# Parts that no output may have, whatever stands around them.
FORBIDDEN = ("\x1b]", "\x1b[666h", "\x9b", "\x07")


def harmless(texts, name):
    return tuple(f"{name}{index}" for index in range(len(texts)))


def encode(text):
    return text.encode(errors="surrogateescape")


class Texts:
    """What each place gets: hostile texts, or harmless ones."""

    def __init__(self, is_hostile):
        # of a few nothing is left but what stands for them: a number keeps them apart
        every = tuple(text if text.isascii() and text.isprintable() else f"{text}{index}"
                      for index, text in enumerate(STRINGS + SPACED))
        self.words = every[:len(STRINGS)] if is_hostile else harmless(STRINGS, "word")
        self.any = every if is_hostile else harmless(every, "text")
        self.one = "\x1b[31m</script>\u202e|`\"'<b>&::error::\udcff" if is_hostile else "one"

    def word(self, index):
        return self.words[index % len(self.words)]

    def text(self, index):
        return self.any[index % len(self.any)]


def load_of(testdata, texts, nr_events, formats="6.18-x86_64", nr_sites=None, **options):
    load = kmem.Workload(ringbuf.Layout(), kmem.load_formats(f"{testdata}/formats/{formats}"),
                         nr_sites=nr_sites or len(STRINGS), nr_cpus=2, cache_name=texts.text,
                         **options)
    load.texts = texts
    return load


def kallsyms(load):
    """Every other symbol is a module's."""
    lines = [b"%x T _stext" % load.text_base]
    for i, (address, _) in enumerate(load.symbols):
        module = b"\t[" + encode(load.texts.word(i + 7)) + b"]" if i % 2 else b""
        lines.append(b"%x t " % address + encode(load.texts.word(i)) + module)
    lines.append(b"%x T _etext" % (load.text_base + 0x1000 * (len(load.symbols) + 2)))
    return b"\n".join(lines) + b"\n"


def rename_formats(formats, texts):
    """Events of other kinds, and the names of flags, are hostile."""
    for text in formats:
        if b"sched_switch" in text:
            yield text.replace(b"name: sched_switch", b"name: " + encode(texts.word(17)))
        else:
            yield re.sub(rb'"GFP_KERNEL"', b'"' + encode(texts.one.replace('"', "'")) + b'"', text)


def trace_dat(testdata, path, is_hostile, version=7, symbols=True):
    """A trace.dat with two instances."""
    texts = Texts(is_hostile)
    load = load_of(testdata, texts, 0)
    load.add(4000)
    trace = load.trace()
    other = load_of(testdata, texts, 0, seed=2)
    other.add(300)
    trace.version = version
    trace.kallsyms = kallsyms(load) if symbols else b""
    trace.cmdlines = b"".join(b"%d " % pid + encode(texts.word(pid)) + b"\n" for pid in range(1, 50))
    trace.event_formats = [(system, list(rename_formats(formats, texts)))
                           for system, formats in trace.event_formats]
    ours = {OPT_UNAME: b"Linux " + encode(texts.one) + b" 6.18" + encode(texts.one) + b" "
                       + encode(texts.word(0)) + b"\0",
            OPT_VERSION: encode(texts.one) + b"\0",
            OPT_TRACECLOCK: b"[" + encode(texts.word(1)) + b"] local global\n\0"}
    trace.options = [(number, ours.get(number, data)) for number, data in trace.options]
    trace.options.append((OPT_HOOK, encode(texts.one) + b"\0"))
    trace.options.append((OPT_TRACEID, bytes(8)))
    trace.instances[0].clock = texts.word(1)
    instance = other.instance(texts.text(len(STRINGS) + 3))
    instance.clock = texts.word(2)
    trace.instances.append(instance)
    assert any(number == OPT_CPUCOUNT for number, _ in trace.options)
    trace.write(path)


def perf_data(testdata, path, is_hostile):
    """A perf.data; symbols come with --kallsyms."""
    texts = Texts(is_hostile)
    load = perfdata.catch(load_of(testdata, texts, 0, "6.1-x86_64"))
    load.add(1500)

    class Hostile(perfdata.PerfData):
        """Names of tasks of all events, and stacks of all symbols."""

        def stack(self, time):
            return [load.sites[(time + 7 * i) % len(load.sites)] for i in range(1, 6)]

        def text(self, text):
            match = re.fullmatch(r"task-(\d+)", text)
            data = encode(texts.text(int(match[1])) if match else text) + b"\0"
            return data + bytes(-len(data) % 8)

        def features(self):
            def text(value):
                data = encode(value)[:200] + b"\0"
                return self.u(len(data), 4) + data
            found = super().features()
            found[perfdata.F_OSRELEASE] = text(texts.one)
            found[perfdata.F_VERSION] = text(texts.word(3))
            found[perfdata.F_ARCH] = text(texts.word(5))
            return found

    data = Hostile(load, sample_types=(perfdata.PLAIN | perfdata.CALLCHAIN,)).to_bytes()
    pathlib.Path(path).write_bytes(data)
    return kallsyms(load)


def trace_text(path, is_hostile):
    """The file `trace` of tracefs, with all that its lines can name."""
    texts = Texts(is_hostile)
    lines = [b"# tracer: " + encode(texts.one), b"#"]
    for i in range(600):
        comm, symbol, module = texts.word(i), texts.word(i + 3), texts.word(i + 11)
        lines.append(b"%16s-%-7d [%03d] .....  %5d.%06d: kmalloc: call_site=" % (
            encode(comm), i + 1, i % 2, 10 + i // 100, i % 100) + encode(symbol) + b"+0x10/0x20"
            + (b" [" + encode(module) + b"]" if i % 2 else b"")
            + b" ptr=00000000%08x bytes_req=%d bytes_alloc=4096 gfp_flags=" % (i * 64 + 64, 2049 + i)
            + encode(texts.word(i + 5)) + b" node=-1 accounted=false")
    pathlib.Path(path).write_bytes(b"\n".join(lines) + b"\n")


# A module whose debug information has placeholders, which are replaced by texts of as many bytes.
MODULE = """
typedef unsigned long size_t;
void *kmalloc_trace(void *cache, unsigned int flags, size_t size);
void use(void *pointer);
struct placeholder_inner_x { int placeholder_field_x; };
struct placeholder_type__x { char a; struct placeholder_inner_x placeholder_member_x; long b; char c;
	char rest[3000]; };
static inline __attribute__((always_inline)) void *placeholder_inline_x(void)
{
	struct placeholder_type__x *it = kmalloc_trace((void *)0, 1, sizeof(*it));

	use(it);
	return it;
}
void make_it(void)
{
	placeholder_inline_x();
	use((void *)1);
}
"""
PLACEHOLDERS = (b"placeholder_inner_x", b"placeholder_field_x", b"placeholder_type__x",
                b"placeholder_member_x", b"placeholder_inline_x", b"placeholder_source_x",
                b"placeholder_directory_x")


def fit(text, size):
    """The bytes of the text, cut or filled to the size; a '/' would divide a path."""
    return (encode(text.replace("/", "!"))[:size] + b"x" * size)[:size]


def type_name(text):
    """What module_of() calls the structure that is allocated."""
    return fit(text, len(b"placeholder_type__x"))


def module_of(folder, text, source="placeholder_source_x.c", directory="/placeholder_directory_x"):
    """folder/evil.ko, a kallsyms and a trace of its call; None without a compiler."""
    if not shutil.which("gcc") or not shutil.which("objdump") or os.uname().machine != "x86_64":
        return None
    path, ko = f"{folder}/in.c", f"{folder}/evil.ko"
    pathlib.Path(path).write_text(f'#line 1 "{directory}/{source}"\n' + MODULE, encoding="utf-8")
    subprocess.run(["gcc", "-O2", "-gdwarf-4", "-ffreestanding", "-fno-pic", "-fcf-protection=none",
                    "-c", path, "-o", ko], check=True, capture_output=True)
    data = pathlib.Path(ko).read_bytes()
    if text is not None:
        for name in PLACEHOLDERS:
            data = data.replace(name, fit(text, len(name)))
    pathlib.Path(ko).write_bytes(data)
    code = subprocess.run(["objdump", "-dr", ko], capture_output=True, check=True).stdout.decode(
        errors="replace")
    at = int(re.search(r"kmalloc_trace.*\n\s*([0-9a-f]+):", code)[1], 16)
    pathlib.Path(f"{folder}/kallsyms").write_text(
        "ffffffff81000000 T _text\nffffffffc0000000 t make_it\t[evil]\n", encoding="ascii")
    line = ("  sh-98 [001] ..... 23.{:06}: kmalloc: call_site=make_it+0x{:x}/0x100 [evil] "
            "ptr=00000000{:08x} bytes_req=3024 bytes_alloc=4096 gfp_flags=GFP_KERNEL node=-1 "
            "accounted=false\n")
    pathlib.Path(f"{folder}/trace.txt").write_text(
        "# tracer: nop\n#\n" + "".join(line.format(i, at, 64 * i + 64) for i in range(40)),
        encoding="ascii")
    return ["--no-debug-search", "--kallsyms", f"{folder}/kallsyms", "--debug-dir", folder,
            f"{folder}/trace.txt"]
