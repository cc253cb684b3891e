# SPDX-License-Identifier: GPL-2.0-or-later
"""A plain second implementation of what pairing allocations with frees has to find.

It knows nothing of kmemstat: dicts, one event after the other. See include/kmemstat/life.h for
what the numbers mean.
"""

import collections

BUCKETS = 48
ZERO_SIZE_PTR = 16
FAMILY = {"kmalloc": "kmalloc", "kmalloc_node": "kmalloc",
          "kmem_cache_alloc": "kmem_cache_alloc", "kmem_cache_alloc_node": "kmem_cache_alloc"}
FREES = ("kfree", "kmem_cache_free")

# time in ns; site and pointer: anything that can be compared; node: asked for, or -1
Event = collections.namedtuple("Event", "time cpu kind site ptr req alloc node")
Object = collections.namedtuple("Object", "key time cpu req alloc node_of_cpu")


class Stats:
    """As struct km_life_stats."""

    def __init__(self):
        self.allocs = self.freed = self.bytes_freed = self.replaced = self.bytes_replaced = 0
        self.live = self.live_bytes = self.live_bytes_req = 0
        self.peak_bytes, self.peak_ns = 0, None
        self.pingpong = self.node_pingpong = self.remote = 0
        self.short_lived = self.over_half = 0
        self.waste_byte_ns = 0
        self.lifetimes = []  # of freed
        self.at_peak = 0, 0, 0  # objects, bytes, waste that were live when most was in all

    def grow(self, obj):
        self.allocs += 1
        self.live += 1
        self.live_bytes += obj.alloc
        self.live_bytes_req += obj.req
        if self.live_bytes > self.peak_bytes:
            self.peak_bytes, self.peak_ns = self.live_bytes, obj.time

    def now_live(self):
        return self.live, self.live_bytes, self.live_bytes - self.live_bytes_req

    def shrink(self, obj, now):
        self.live -= 1
        self.live_bytes -= obj.alloc
        self.live_bytes_req -= obj.req
        self.waste_byte_ns += (obj.alloc - obj.req) * (now - obj.time)

    @property
    def waste_byte_seconds(self):
        return self.waste_byte_ns / 1e9

    @property
    def buckets(self):
        out = [0] * BUCKETS
        for ns in self.lifetimes:
            out[min(max(ns, 1).bit_length() - 1, BUCKETS - 1)] += 1
        return out

    @property
    def median_bucket(self):
        """The bucket that the middle lifetime is in; None without any."""
        if not self.lifetimes:
            return None
        middle = sorted(self.lifetimes)[(len(self.lifetimes) - 1) // 2]
        return min(max(middle, 1).bit_length() - 1, BUCKETS - 1)


class Pairing:
    """Give it all events in order, then finish()."""

    def __init__(self, short_ns=10**6, node_of_cpu=None):
        self.short_ns = short_ns
        self.node_of_cpu = node_of_cpu or {}
        self.alive = {}  # pointer -> Object
        self.sites = {}  # (site, family) -> Stats
        self.total = Stats()
        self.unknown_frees = self.null_frees = self.zero_frees = self.failed_allocs = 0
        self.span = 0

    def _both(self, key):
        return self.sites.setdefault(key, Stats()), self.total

    def _end(self, obj, now):
        for stats in self._both(obj.key):
            stats.shrink(obj, now)

    def add(self, event):
        if event.kind in FAMILY:
            self._alloc(event)
        elif event.kind in FREES:
            self._free(event)

    def _alloc(self, event):
        if not event.ptr:
            self.failed_allocs += 1
            return
        key = event.site, FAMILY[event.kind]
        old = self.alive.pop(event.ptr, None)
        if old:
            self._end(old, event.time)
            for stats in self._both(old.key):
                stats.replaced += 1
                stats.bytes_replaced += old.alloc
        node = self.node_of_cpu.get(event.cpu, -1)
        obj = Object(key, event.time, event.cpu, event.req, event.alloc, node)
        self.alive[event.ptr] = obj
        most = self.total.peak_bytes
        for stats in self._both(key):
            stats.grow(obj)
            stats.remote += event.node >= 0 <= node != event.node
        if self.total.peak_bytes > most:
            self._note_peak()

    def _note_peak(self):
        """All sites anew at each peak: slow, and plainly right."""
        for stats in [*self.sites.values(), self.total]:
            stats.at_peak = stats.now_live()

    def _free(self, event):
        if event.ptr in (0, ZERO_SIZE_PTR):
            self.null_frees += event.ptr == 0
            self.zero_frees += event.ptr != 0
            return
        obj = self.alive.pop(event.ptr, None)
        if not obj:
            self.unknown_frees += 1
            return
        self._end(obj, event.time)
        lived = event.time - obj.time
        node = self.node_of_cpu.get(event.cpu, -1)
        for stats in self._both(obj.key):
            stats.freed += 1
            stats.bytes_freed += obj.alloc
            stats.lifetimes.append(lived)
            stats.pingpong += event.cpu != obj.cpu
            stats.node_pingpong += node >= 0 <= obj.node_of_cpu != node
            stats.short_lived += lived < self.short_ns

    def finish(self, first_ns, last_ns):
        """The times of the first slab event and of the last event of the trace of any kind."""
        self.span = last_ns - first_ns
        for stats in [*self.sites.values(), self.total]:
            stats.over_half += sum(2 * ns > self.span for ns in stats.lifetimes)
        for obj in self.alive.values():
            for stats in self._both(obj.key):
                stats.over_half += 2 * (last_ns - obj.time) > self.span
                stats.waste_byte_ns += (obj.alloc - obj.req) * (last_ns - obj.time)
        return self

    def wrong(self):
        """What cannot be, whatever the trace."""
        out = []
        for key, s in [*self.sites.items(), ("total", self.total)]:
            if s.allocs != s.freed + s.replaced + s.live or sum(s.buckets) != s.freed:
                out.append(f"{key}: {vars(s)}")
        for name in ("allocs", "freed", "bytes_freed", "replaced", "live", "live_bytes",
                     "pingpong", "node_pingpong", "remote", "short_lived", "over_half",
                     "waste_byte_ns"):
            if sum(getattr(s, name) for s in self.sites.values()) != getattr(self.total, name):
                out.append(f"{name}: the sites do not add up to the total")
        return out


def pair(events, others=(), **options):
    """Pairs events in the order they are in; `others`: times of other events than the slab's.

    An event that is in the order behind a later one happened when that did: a clock does not run
    back, and an order that a recorder or perf gave up on is not for us to make better.
    """
    pairing = Pairing(**options)
    now = 0
    for event in events:
        now = max(now, event.time)
        pairing.add(event._replace(time=now))
    return pairing.finish(events[0].time, max([now, *others])) if events else pairing
