#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What call sites allocate, against knowledge from elsewhere.

usage: types_oracle.py KMEMSTAT TESTDATA source|kernel|pahole|schema|fixture|damage

source   the types that were read in the kernel's source (mesh/types.tsv), for mac80211
kernel   the same for all of mesh/trace.dat: needs the debug package of its kernel, installed or
         unpacked in KMEMSTAT_DEBUG_ROOT
pahole   sizes, offsets and holes of those structures, against pahole
schema   what types --json prints, against share/kmemstat-types-1.schema.json
fixture  a module compiled here: every kind of evidence, and layouts that are hard
damage   debug files with bytes flipped: no crash, no hang
"""

import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77
RELEASE = "6.1.0-56-amd64"


def skip(why):
    print("skipped:", why)
    sys.exit(SKIPPED)


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False,
                          **options)


def report(*command):
    done = run(*command)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: exit {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)


def trace_text(rows):
    """A trace of one allocation for each (symbol+offset, module, event, bytes)."""
    lines = ["# tracer: nop", "#"]
    for i, (place, module, event, size) in enumerate(rows):
        lines.append(f"              sh-98      [001] .....  {23 + i // 1000:5}.{i % 1000:06}: "
                     f"{event}: call_site={place}/0x100000{' [' + module + ']' if module else ''} "
                     f"ptr={0xffff888000000000 + i * 65536:016x} bytes_req={size} "
                     f"bytes_alloc={(size + 4095) // 4096 * 4096} gfp_flags=GFP_KERNEL node=-1 "
                     f"accounted=false")
    return "\n".join(lines) + "\n"


def read_list(testdata):
    rows = []
    with open(os.path.join(testdata, "mesh", "types.tsv"), encoding="ascii") as file:
        for line in file:
            if line.startswith("#"):
                continue
            place, module, event, sizes, name, form, source = line.rstrip("\n").split("\t")
            rows.append({"place": place, "module": module, "event": event, "name": name,
                         "sizes": [int(size) for size in sizes.split(",")], "form": form,
                         "source": source})
    return rows


def named(callsite):
    """(type, form) if one is named, and not one of several."""
    types = callsite.get("types", [])
    if len(types) != 1 or types[0]["sureness"] == "several":
        return ("-", "-")
    return (types[0]["name"], types[0]["form"])


def compare(rows, found):
    """Number of wrong answers, each told."""
    wrong = 0
    callsites = {f"{c['symbol']}+{c['offset']:#x}": c for c in found["callsites"]
                 if c["symbol"]}
    for row in rows:
        callsite = callsites.get(row["place"], {})
        frames = callsite.get("source", [])
        source = f"{frames[0]['file']}:{frames[0]['line']}" if frames else None
        got = named(callsite)
        if got != (row["name"], row["form"]) or source != row["source"]:
            print(f"{row['place']}: {got} at {source}, not {row['name']} ({row['form']}) at "
                  f"{row['source']}")
            wrong += 1
    return wrong


def check_source(kmemstat, testdata):
    rows = [row for row in read_list(testdata) if row["module"] == "mac80211"]
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "trace")
        with open(path, "w", encoding="ascii") as file:
            file.write(trace_text((r["place"], r["module"], r["event"], size)
                                  for r in rows for size in r["sizes"]))
        found = report(kmemstat, "--json", "-q", "--no-debug-search", "--debug-dir",
                       os.path.join(testdata, "mesh"), "--kallsyms",
                       os.path.join(testdata, "mesh", "kallsyms"), path)
    wrong = compare(rows, found)
    print(f"{len(rows) - wrong} of {len(rows)} call sites as in the source")
    return wrong == 0 and len(rows) >= 28


def check_kernel(kmemstat, testdata):
    root = os.environ.get("KMEMSTAT_DEBUG_ROOT", "/usr/lib/debug")
    vmlinux = os.path.join(root, "boot", f"vmlinux-{RELEASE}")
    if not os.path.exists(vmlinux):
        skip(f"no {vmlinux} (package linux-image-{RELEASE}-dbg)")
    found = report(kmemstat, "--json", "-q", "--vmlinux", vmlinux, "--debug-dir",
                   os.path.join(root, "lib", "modules", RELEASE),
                   os.path.join(testdata, "mesh", "trace.dat"))
    in_trace = {f"{c['symbol']}+{c['offset']:#x}" for c in found["callsites"]}
    rows = [row for row in read_list(testdata) if row["place"] in in_trace]
    listed = {row["place"] for row in rows}
    wrong = compare(rows, found)
    for callsite in found["callsites"]:
        place = f"{callsite['symbol']}+{callsite['offset']:#x}"
        if place not in listed and named(callsite)[0] != "-":
            print(f"{place}: {named(callsite)}, which is not in the list")
            wrong += 1
    print(f"{len(rows)} call sites, {wrong} wrong")
    return wrong == 0 and len(rows) > 100


def pahole_layouts(path, names):
    """name -> (size, {(offset, size): name}, holes, bytes of holes, padding, has bit fields)."""
    layouts = {}
    for name in names:
        text = run("pahole", "-C", name.removeprefix("struct ").removeprefix("union "),
                   path).stdout
        size = re.search(r"^\t/\* size: (\d+)", text, re.M)
        if not size:
            continue
        holes = re.search(r"^\t/\*.* holes: (\d+), sum holes: (\d+)", text, re.M)
        padding = re.search(r"^\t/\* padding: (\d+) \*/", text, re.M)
        members = {}
        for m in re.finditer(r"^\t([^\t}].*?)\s+/\* +(\d+) +(\d+) \*/", text, re.M):
            what = re.search(r"(\w+)\)\(|(\w+)(?:\[[^;]*)?(?:\s+__attribute__.*)?;", m[1])
            if int(m[3]) and what:
                members[what[1] or what[2]] = (int(m[2]), int(m[3]))
        layouts[name] = {"bytes": int(size[1]), "members": members,
                         "holes": int(holes[1]) if holes else 0,
                         "bytes_holes": int(holes[2]) if holes else 0,
                         "bytes_padding": int(padding[1]) if padding else 0,
                         "has_bits": bool(re.search(r"/\* +\d+: *\d+ +\d+ \*/|bit hole", text))}
    return layouts


def compare_layouts(types, layouts):
    """(compared, wrong)"""
    nr = wrong = 0
    for item in types:
        layout = layouts.get(item["name"])
        if not layout or "members" not in item or item["union"]:
            continue
        nr += 1
        keys = ["bytes"] if layout["has_bits"] else ["bytes", "holes", "bytes_holes",
                                                     "bytes_padding"]
        for key in keys:
            if item[key] != layout[key]:
                print(f"{item['name']}: {key} {item[key]}, pahole {layout[key]}")
                wrong += 1
        mine = {m["name"]: (m["offset"], m["bytes"]) for m in item["members"]
                if m["depth"] == 0 and m["name"] and "bits" not in m}
        for name, place in layout["members"].items():
            if name in mine and mine[name] != place:
                print(f"{item['name']}.{name}: {mine[name]}, pahole {place}")
                wrong += 1
            nr += name in mine
    return nr, wrong


def need_pahole():
    if not shutil.which("pahole"):
        skip("no pahole (package dwarves)")


def check_pahole(kmemstat, testdata):
    need_pahole()
    mesh = os.path.join(testdata, "mesh")
    types = report(kmemstat, "types", "--json", "-q", "--no-debug-search", "--debug-dir", mesh,
                   os.path.join(mesh, "trace.dat"))["types"]
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "mac80211.ko")
        subprocess.run(["zstd", "-q", "-d", os.path.join(mesh, "mac80211.ko.zst"), "-o", path],
                       check=True)
        layouts = pahole_layouts(path, [item["name"] for item in types])
    nr, wrong = compare_layouts(types, layouts)
    print(f"{len(layouts)} structures, {nr} numbers, {wrong} wrong")
    return wrong == 0 and len(layouts) >= 10


def check_schema(kmemstat, testdata):
    try:
        import jsonschema
    except ImportError:
        skip("no jsonschema (package python3-jsonschema)")
    path = os.path.join(testdata, "..", "share", "kmemstat-types-1.schema.json")
    with open(path, encoding="ascii") as file:
        schema = json.load(file)
    mesh = os.path.join(testdata, "mesh")
    found = report(kmemstat, "types", "--json", "-q", "--no-debug-search", "--debug-dir", mesh,
                   os.path.join(mesh, "trace.dat"))
    jsonschema.Draft202012Validator.check_schema(schema)
    # every key that occurs has to be described, in rows and members
    for name in ("type", "member"):
        schema["$defs"][name]["additionalProperties"] = False
    jsonschema.Draft202012Validator(schema).validate(found)
    return len(found["types"]) >= 10 and all(
        t["bytes_waste"] == t["bytes_alloc"] - t["bytes_req"] for t in found["types"])


FIXTURE = r"""
typedef unsigned long size_t;
typedef unsigned int u32;
typedef unsigned char u8;
#define NULL ((void *)0)
void *kmalloc_trace(void *cache, u32 flags, size_t size);
void *__kmalloc(size_t size, u32 flags);
void *kmem_cache_alloc(void *cache, u32 flags);
char *kstrdup(const char *text, u32 flags);
static inline void *kmalloc(size_t size, u32 flags)
{
	if (__builtin_constant_p(size))
		return kmalloc_trace(NULL, flags, size);
	return __kmalloc(size, flags);
}
static inline void *kcalloc(size_t nr, size_t size, u32 flags)
{
	return kmalloc(nr * size, flags);
}
void use(void *pointer);

struct plain { long a, b, c, d, e; int f; };
struct holed { char a; long b; char c; int d; char e; };
struct bits { u32 a:3, b:5; u8 c; u32 d:20; long e; u32 f:1; };
struct nested { char a; struct { char b; union { long c; char d[3]; }; } in; struct { int e; }; char g; long h; };
struct flexible { int nr; struct holed list[]; };
struct zero { int nr; long list[0]; };
struct __attribute__((packed)) packed { char a; long b; short c; };
struct aligned { char a; char b __attribute__((aligned(64))); long c[5]; } ;
struct fn { int (*open)(struct plain *, const char *); void (*close)(void); char *names[3]; int grid[2][3]; };
union both { struct plain p; char raw[56]; };
struct loop { struct loop *next; struct owner *owner; char pad[71]; };
struct member { char text[333]; };
struct owner { int x; struct { struct member *inner; } u; };
struct same_a { char a[77]; };
struct same_b { char b[77]; };

#define WHOLE(type) \
	struct type *make_##type(void) \
	{ \
		struct type *it = kmalloc(sizeof(*it), 1); \
		if (it) \
			use(it); \
		return it; \
	}
WHOLE(plain) WHOLE(holed) WHOLE(bits) WHOLE(nested) WHOLE(packed) WHOLE(aligned) WHOLE(fn)
WHOLE(loop)

union both *make_both(void)
{
	union both *it = kmalloc(sizeof(*it), 1);

	if (it)
		use(it);
	return it;
}

struct flexible *make_flexible(int nr)
{
	struct flexible *it = kmalloc(sizeof(*it) + nr * sizeof(it->list[0]), 1);

	if (it)
		it->nr = nr;
	return it;
}

struct zero *make_zero(int nr)
{
	struct zero *it = kmalloc(sizeof(*it) + nr * sizeof(long), 1);

	if (it)
		it->nr = nr;
	return it;
}

struct holed *make_array(int nr)
{
	struct holed *list = kcalloc(nr, sizeof(*list), 1);

	if (list)
		use(list);
	return list;
}

int make_member(struct owner *owner)
{
	owner->u.inner = kmalloc(sizeof(struct member), 1);
	return owner->u.inner ? 0 : -12;
}

/* the allocation is a jump: the caller of the pointer is what is traced */
__attribute__((noinline)) struct member *jump_member(void)
{
	return kmalloc(sizeof(struct member), 1);
}

int make_by_jump(struct owner *owner)
{
	owner->u.inner = jump_member();
	return owner->x;
}

/* two structures have this size, and nothing tells which it is */
void make_same(struct same_a **a, struct same_b **b, void **to)
{
	*to = kmalloc(77, 1);
	use(a);
	use(b);
}

char *make_buffer(struct plain *plain)
{
	char *buffer = kmalloc(sizeof(struct plain), 1);

	if (buffer)
		buffer[0] = (char)plain->a;
	return buffer;
}

char *make_text(struct plain *plain, const char *text)
{
	char *copy = kstrdup(text, 1);

	if (copy)
		copy[0] = (char)plain->a;
	return copy;
}

struct plain *make_object(void *cache)
{
	struct plain *it = kmem_cache_alloc(cache, 1);

	if (it)
		it->a = 0;
	return it;
}
"""

# function -> bytes requested, what is to be named
EXPECTED = {
    "make_plain": ([48], "struct plain", "whole"),
    "make_holed": ([32], "struct holed", "whole"),
    "make_bits": ([24], "struct bits", "whole"),
    "make_nested": ([40], "struct nested", "whole"),
    "make_packed": ([11], "struct packed", "whole"),
    "make_aligned": ([128], "struct aligned", "whole"),
    "make_fn": ([64], "struct fn", "whole"),
    "make_loop": ([88], "struct loop", "whole"),
    "make_both": ([56], "union both", "whole"),
    "make_flexible": ([40, 72], "struct flexible", "flexible"),
    "make_zero": ([16, 40], "struct zero", "flexible"),
    "make_array": ([64, 96], "struct holed", "array"),
    "make_member": ([333], "struct member", "whole"),
    "make_by_jump": ([333], "struct member", "whole"),
    "make_same": ([77], "-", "-"),
    "make_buffer": ([48], "-", "-"),
    "make_text": ([48], "-", "-"),
    "make_object": ([64], "struct plain", "private"),
}


def calls(path):
    """function -> offset behind its first call of an allocator, by the disassembly."""
    found, function, start, is_behind, was_call = {}, None, 0, False, False
    for line in run("objdump", "-dr", "--no-show-raw-insn", path).stdout.splitlines():
        head = re.match(r"([0-9a-f]+) <(\w+)>:", line)
        code = re.match(r"\s+([0-9a-f]+):\s+(\w+)", line)
        if head:
            function, start, is_behind = head[2], int(head[1], 16), False
        elif re.search(r"R_\w+\s+(kmalloc|__kmalloc|kmem_cache_alloc|kstrdup|jump_member)", line):
            is_behind = was_call
        elif code:
            if is_behind:
                found.setdefault(function, int(code[1], 16) - start)
            was_call = code[2] in ("call", "bl")
            is_behind = was_call and "<jump_member>" in line
    return found


def check_compiler(kmemstat, folder, compiler, version):
    source, ko = os.path.join(folder, "fixture.c"), os.path.join(folder, "fixture.ko")
    with open(source, "w", encoding="ascii") as file:
        file.write(FIXTURE)
    done = run(compiler, "-O2", f"-gdwarf-{version}", "-ffreestanding", "-fno-pic",
               "-fcf-protection=none", "-c", source, "-o", ko)
    if done.returncode:
        sys.exit(done.stderr)
    base = 0xffffffffc0000000
    symbols = [line.split() for line in run("nm", ko).stdout.splitlines()]
    with open(os.path.join(folder, "kallsyms"), "w", encoding="ascii") as file:
        file.write("ffffffff81000000 T _text\n")
        for value, kind, name in sorted(s for s in symbols if len(s) == 3 and s[1] in "tT"):
            file.write(f"{base + int(value, 16):x} {kind} {name}\t[fixture]\n")
    places = calls(ko)
    missing = set(EXPECTED) - set(places)
    if missing:
        sys.exit(f"{compiler}: no call in {sorted(missing)}")
    trace = os.path.join(folder, "trace")
    with open(trace, "w", encoding="ascii") as file:
        file.write(trace_text((f"{name}+{places[name]:#x}", "fixture",
                               "kmem_cache_alloc" if name == "make_object" else "kmalloc", size)
                              for name, (sizes, _, _) in EXPECTED.items() for size in sizes))
    arguments = ["--json", "-q", "--no-debug-search", "--kallsyms",
                 os.path.join(folder, "kallsyms"), "--debug-dir", folder, trace]
    found = {c["symbol"]: c for c in report(kmemstat, *arguments)["callsites"]}
    wrong = 0
    for name, (_, type_name, form) in EXPECTED.items():
        got = named(found[name])
        if got != (type_name, form):
            print(f"{compiler} DWARF {version}: {name}: {got}, not {type_name} ({form})")
            wrong += 1
    types = report(kmemstat, "types", *arguments)["types"]
    nr = 0
    if shutil.which("pahole"):
        nr, differences = compare_layouts(types, pahole_layouts(ko, [t["name"] for t in types]))
        wrong += differences
    print(f"{compiler} DWARF {version}: {len(EXPECTED)} call sites, {nr} numbers of pahole's, "
          f"{wrong} wrong")
    return wrong == 0


def check_fixture(kmemstat, _):
    compilers = [name for name in ("gcc", "clang") if shutil.which(name)]
    if not compilers or not shutil.which("objdump"):
        skip("no gcc or clang, or no objdump")
    if os.uname().machine not in ("x86_64", "aarch64"):
        skip("other calling convention")
    is_good = True
    for compiler in compilers:
        for version in (4, 5):
            with tempfile.TemporaryDirectory() as folder:
                is_good &= check_compiler(kmemstat, folder, compiler, version)
    return is_good


def check_damage(kmemstat, testdata):
    mesh = os.path.join(testdata, "mesh")
    rng = random.Random(6)
    is_good = True
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "mac80211.ko")
        subprocess.run(["zstd", "-q", "-d", os.path.join(mesh, "mac80211.ko.zst"), "-o", path],
                       check=True)
        with open(path, "rb") as file:
            whole = file.read()
        sections = [(int(m[2], 16), int(m[3], 16)) for m in re.finditer(
            r"(\.debug_info|\.debug_abbrev|\.debug_loclists|\.debug_str|\.rela\.debug_info)"
            r"\s+\w+\s+\w+\s+(\w+)\s+(\w+)", run("readelf", "-SW", path).stdout)]
        for i in range(24):
            data = bytearray(whole)
            start, size = sections[i % len(sections)]
            for _ in range(rng.choice((1, 30, 3000))):
                data[start + rng.randrange(size)] = rng.randrange(256)
            with open(path, "wb") as file:
                file.write(data)
            done = run(kmemstat, "types", "--json", "-q", "--no-debug-search", "--debug-dir",
                       folder, os.path.join(mesh, "trace.dat"))
            if done.returncode not in (0, 3):
                print(f"{i}: exit {done.returncode}: {done.stderr[:2000]}")
                is_good = False
            elif done.returncode == 0:
                json.loads(done.stdout)
    return is_good


def main():
    kmemstat, testdata, what = sys.argv[1:]
    checks = {"source": check_source, "kernel": check_kernel, "pahole": check_pahole,
              "schema": check_schema, "fixture": check_fixture, "damage": check_damage}
    sys.exit(0 if checks[what](kmemstat, testdata) else 1)


main()
