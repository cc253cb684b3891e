# SPDX-License-Identifier: GPL-2.0-or-later
"""pprof's profile.proto, decoded plainly: nothing is known but the encoding of protocol buffers
and the numbers of the fields in github.com/google/pprof/proto/profile.proto.

usage: profileproto.py [FILE]	(prints what a test can compare)
"""

import gzip
import sys


def fields(data):
    """-> (number, value): integers, or bytes."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7f) << shift
            shift += 7
            if byte < 0x80:
                if value >= 1 << 64:
                    raise ValueError("a varint is over 64 bits")
                return value

    while at < len(data):
        key = varint()
        if key & 7 == 0:
            yield key >> 3, varint()
        elif key & 7 == 2:
            size = varint()
            if at + size > len(data):
                raise ValueError("a field is longer than its message")
            yield key >> 3, data[at:at + size]
            at += size
        else:
            raise ValueError(f"wire type {key & 7}")


def packed(data):
    """Repeated integers in one field."""
    out, value, shift = [], 0, 0
    for byte in data:
        value |= (byte & 0x7f) << shift
        shift += 7
        if byte < 0x80:
            out.append(value)
            value = shift = 0
    if shift:
        raise ValueError("the last varint does not end")
    return out


def message(data, names, lists=()):
    out = {name: [] if name in lists else 0 for name in names.values()}
    for number, value in fields(data):
        name = names[number]
        if name in lists:
            out[name].append(value)
        else:
            out[name] = value
    return out


def decode(packed_bytes):
    """-> dict with texts in place of their numbers and objects in place of ids."""
    if packed_bytes[:3] != b"\x1f\x8b\x08" or packed_bytes[3] or any(packed_bytes[4:8]):
        raise ValueError("not gzip, or with a name or time")
    top = message(gzip.decompress(packed_bytes), {
        1: "types", 2: "samples", 3: "mappings", 4: "locations", 5: "functions", 6: "strings",
        9: "time", 10: "duration", 13: "comments", 14: "default"},
        ("types", "samples", "mappings", "locations", "functions", "strings", "comments"))
    text = [value.decode("utf-8") for value in top["strings"]]
    if text[0] or len(set(text)) != len(text):
        raise ValueError("the first string is not empty, or two are the same")

    def table(rows, names, lists=()):
        out = {}
        for row in (message(row, names, lists) for row in rows):
            if not row["id"] or row["id"] in out:
                raise ValueError("an id is 0, or used twice")
            out[row["id"]] = row
        return out

    mappings = table(top["mappings"], {1: "id", 5: "file", 6: "build_id", 7: "functions",
                                       8: "files", 9: "lines", 10: "inlined"})
    functions = table(top["functions"], {1: "id", 2: "name", 3: "system_name", 4: "file"})
    locations = table(top["locations"], {1: "id", 2: "mapping", 3: "address", 4: "lines"},
                      ("lines",))
    for row in list(mappings.values()) + list(functions.values()):
        for key in ("name", "system_name", "file", "build_id"):
            if key in row:
                row[key] = text[row[key]]
    for row in locations.values():
        row["mapping"] = mappings[row["mapping"]]
        row["lines"] = [message(line, {1: "function", 2: "line"}) for line in row["lines"]]
        for line in row["lines"]:
            line["function"] = functions[line["function"]]
    types = [message(row, {1: "type", 2: "unit"}) for row in top["types"]]
    types = [(text[row["type"]], text[row["unit"]]) for row in types]
    samples = []
    for row in (message(row, {1: "locations", 2: "values", 3: "labels"}, ("labels",))
                for row in top["samples"]):
        labels = {}
        for label in (message(label, {1: "key", 2: "text", 3: "number", 4: "unit"})
                      for label in row["labels"]):
            labels[text[label["key"]]] = text[label["text"]] or label["number"]
        values = packed(row["values"])
        if len(values) != len(types):
            raise ValueError("a sample has not as many values as there are types")
        samples.append({"locations": [locations[i] for i in packed(row["locations"] or b"")],
                        "values": dict(zip((name for name, _ in types), values)),
                        "labels": labels})
    return {"types": types, "samples": samples, "mappings": mappings, "functions": functions,
            "locations": locations, "default": text[top["default"]], "time": top["time"],
            "duration": top["duration"], "comments": [text[i] for i in top["comments"]]}


def main():
    with open(sys.argv[1], "rb") if len(sys.argv) > 1 else sys.stdin.buffer as file:
        profile = decode(file.read())
    print("types:", " ".join("/".join(row) for row in profile["types"]), "default:",
          profile["default"])
    print("time:", profile["time"], "duration:", profile["duration"])
    for comment in profile["comments"]:
        print("comment:", comment)
    for mapping in profile["mappings"].values():
        print("mapping:", mapping)
    for sample in profile["samples"]:
        print(*sample["values"].values(),
              " ".join(f"{key}={value}" for key, value in sample["labels"].items()))
        for location in sample["locations"]:
            address = f" {location['address']:#x}" if location["address"] else ""
            print("   ", location["mapping"]["file"] + address, " < ".join(
                f"{line['function']['name']} {line['function']['file']}:{line['line']}"
                for line in location["lines"]))


if __name__ == "__main__":
    main()
