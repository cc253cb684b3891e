# SPDX-License-Identifier: GPL-2.0-or-later
"""What a build directory says: how its objects are compiled, its programs linked, its tests run.

A changed file is compiled as the build does it and its object goes before the libraries, whose own
object of that name is not taken then. The build directory itself is left as it is.
"""

import json
import os
import pathlib
import re
import resource
import shlex
import shutil
import signal
import subprocess

# A mutant that runs away: gigabytes of address space, bytes that it writes into a file.
MOST_ADDRESSES, MOST_FILE = 8 << 30, 1 << 30
SKIPPED = 77


class Build:
    """A build directory of meson and ninja."""

    def __init__(self, path, top):
        self.path, self.top = pathlib.Path(path).resolve(), pathlib.Path(top).resolve()
        with open(self.path / "compile_commands.json", encoding="utf-8") as file:
            commands = json.load(file)
        self.compile = {}
        for entry in commands:
            source = os.path.normpath(os.path.join(entry["directory"], entry["file"]))
            name = os.path.relpath(source, self.top)
            # libkmemstat alone, not what a test makes of the same file
            if "libkmemstat.a.p/" in entry["output"]:
                self.compile[name] = shlex.split(entry["command"])
        # sanitizers reserve terabytes of addresses
        self.sanitized = any("-fsanitize" in entry["command"] for entry in commands)
        self.includers = self._includers()
        self.links = {}

    def _ninja(self, *args):
        return subprocess.run(["ninja", "-C", str(self.path), *args], check=True, text=True,
                              capture_output=True).stdout

    def _includers(self):
        """Header -> the files of the library that include it."""
        found, source = {}, None
        for line in self._ninja("-t", "deps").splitlines():
            if not line.startswith(" "):
                source = line.split(":")[0]
                continue
            name = os.path.relpath(os.path.normpath(self.path / line.strip()), self.top)
            if source and "libkmemstat.a.p/" in source and name.endswith(".h"):
                found.setdefault(name, set()).add(source)
        files = {command[command.index("-o") + 1]: name for name, command in self.compile.items()}
        return {header: sorted(files[output] for output in outputs if output in files)
                for header, outputs in found.items()}

    def sources_of(self, name):
        """The files to compile after a change of the file name."""
        return [name] if name in self.compile else self.includers.get(name, [])

    def compile_changed(self, name, text, folder):
        """Compiles what the change concerns. Returns the objects, or None if that fails."""
        tree = pathlib.Path(folder) / "tree"
        shutil.rmtree(tree, ignore_errors=True)
        (tree / name).parent.mkdir(parents=True)
        (tree / name).write_text(text, encoding="utf-8")
        objects = []
        for source in self.sources_of(name):
            target = str(pathlib.Path(folder) / (source.replace("/", "_") + ".o"))
            command, skip = [], False
            for word in self.compile[source]:
                if skip or word in ("-o", "-MF", "-MQ", "-c"):
                    skip = not skip
                elif not re.match(r"-MD$|-g\d?$|-W|--coverage$|-fprofile", word):
                    command.append(word)
            if source != name:
                # what includes the header is taken from here, too: only so do objects not tell
                (tree / source).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(self.top / source, tree / source)
            command[1:1] = ["-w", f"-I{tree / 'src'}", f"-I{tree / 'include'}",
                            f"-ffile-prefix-map={tree}/="]
            command += ["-o", target, "-c", str(tree / source)]
            done = subprocess.run(command, cwd=self.path, check=False, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL)
            if done.returncode:
                return None
            objects.append(target)
        return objects

    def link_of(self, program):
        """The command that links a program of the build, or None if it is none."""
        name = os.path.relpath(program, self.path)
        if name not in self.links:
            try:
                lines = self._ninja("-t", "commands", name).strip().splitlines()
            except subprocess.CalledProcessError:
                lines = []
            link = shlex.split(lines[-1]) if lines else []
            self.links[name] = link if "src/libkmemstat.a" in link and "-o" in link else None
        return self.links[name]

    def link_changed(self, program, objects, folder):
        """Links a program with these objects before the libraries. Returns its path, or None."""
        command = list(self.link_of(program))
        target = pathlib.Path(folder) / os.path.relpath(program, self.path).replace("/", "_")
        at = command.index("-o")
        command[at + 1] = str(target)
        command[at + 2:at + 2] = objects
        done = subprocess.run(command, cwd=self.path, check=False, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
        return str(target) if done.returncode == 0 else None

    def tests(self, suites, also=()):
        """The tests of these suites, and those of these names, that can run side by side."""
        listed = json.loads(subprocess.run(
            ["meson", "introspect", "--tests", str(self.path)], check=True, text=True,
            capture_output=True).stdout)
        found = []
        for test in listed:
            kinds = {suite.split(":")[-1] for suite in test["suite"]}
            if test["name"] in also or (kinds & suites and kinds <= suites and
                                        test["is_parallel"]):
                found.append(Test(self, test))
        return found


class Test:
    """A test of the build: a command, in which programs of the build can be replaced."""

    def __init__(self, build, said):
        self.build, self.name = build, said["name"]
        self.command, self.env = said["cmd"], said["env"]
        self.folder = said["workdir"] or str(build.path)
        self.programs = {}
        for word in self.command:
            path = os.path.join(build.path, word)
            if os.path.isfile(path) and os.access(path, os.X_OK) and build.link_of(path):
                self.programs[word] = path

    def run(self, replaced, seconds, tmp):
        """Returns the exit status, "late" if it took too long."""
        command = [replaced.get(word, word) for word in self.command]
        env = dict(os.environ, MALLOC_PERTURB_="85", TMPDIR=str(tmp), **self.env)

        def limit():
            # the soft limits: tests raise and lower them, too
            for what, most in ((resource.RLIMIT_FSIZE, MOST_FILE),
                               (resource.RLIMIT_AS, MOST_ADDRESSES), (resource.RLIMIT_CORE, 0)):
                if what != resource.RLIMIT_AS or not self.build.sanitized:
                    resource.setrlimit(what, (most, resource.getrlimit(what)[1]))

        # pylint: disable-next=subprocess-popen-preexec-fn
        with subprocess.Popen(command, cwd=self.folder, env=env, stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              start_new_session=True, preexec_fn=limit) as child:
            try:
                return child.wait(seconds)
            except subprocess.TimeoutExpired:
                return "late"
            finally:
                try:
                    os.killpg(child.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
