"""A copy of the tree in which mutants live: it is configured and built as `make check` does, and its tests run there."""
import filecmp
import os
import re
import shutil
import signal
import subprocess
import time
import xml.etree.ElementTree as ElementTree

from table import name_of, tests_of

PRESET = "dev"
# Not for mutants: what looks at the sources' text, and the tests of what runs here.
NOT_THESE = {"style", "mutants", "mutants-run"}
TELLING = re.compile(r"FAILED|\[  ERROR   \]|ERROR: \w+Sanitizer|runtime error:|Assertion|Traceback|\bfailed\b|\bdiffers?\b|disagree", re.I)
COMPLAINT = re.compile(r"\berror:|undefined reference|CMake Error|\*\*\*")
NOTHING = re.compile(r"\b0 failed\b")
LEAST_SECONDS, TIMES_LONGER, MOST_SECONDS = 60, 10, 900


def sync(root, path):
    """Makes @path have the files of the tree, without what was built; those that are the same stay, so that they are not built again."""
    def names(top, at):
        here = os.path.join(top, at)
        return {n for n in os.listdir(here) if at or n not in ("build", ".git")} if os.path.isdir(here) else set()

    todo = [""]
    while todo:
        at = todo.pop()
        os.makedirs(os.path.join(path, at), exist_ok=True)
        for name in names(path, at) - names(root, at):
            gone = os.path.join(path, at, name)
            shutil.rmtree(gone) if os.path.isdir(gone) and not os.path.islink(gone) else os.unlink(gone)
        for name in names(root, at):
            src, dst = os.path.join(root, at, name), os.path.join(path, at, name)
            if os.path.isdir(src) and not os.path.islink(src):
                todo.append(os.path.join(at, name))
            elif os.path.islink(src) or not os.path.exists(dst) or not filecmp.cmp(src, dst, shallow=False):
                if os.path.lexists(dst):
                    os.unlink(dst)
                shutil.copy(src, dst, follow_symlinks=False)


def telling(output):
    """The line of a test's output that says what is wrong."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    lines = [line for line in lines if not line.startswith("[  ERROR   ] --- [   LINE   ]")] or lines
    found = next((line for line in lines if TELLING.search(line) and not NOTHING.search(line)), lines[-1] if lines else "it said nothing")
    return found[:200]


class Tree:
    def __init__(self, path, plain=False):
        self.options = ["-DXDPF_SANITIZE=OFF", "-DCMAKE_C_FLAGS_DEBUG=-O1"] if plain else []
        self.path, self.build_path = path, os.path.join(path, "build", PRESET)
        self.changed, self.known, self.cut_short = None, None, ""
        self.tmp = path + "-tmp"        # tests' own temporary files go when the tree goes
        os.makedirs(self.tmp, exist_ok=True)
        self.env = dict(os.environ, TMPDIR=self.tmp)
        if shutil.which("ccache"):
            self.env.setdefault("CMAKE_C_COMPILER_LAUNCHER", "ccache")
            self.env["CCACHE_BASEDIR"] = path       # copies lie in different places and are the same
            self.env["CCACHE_NOHASHDIR"] = "1"

    def command(self, command, seconds=None, cwd=None):
        """(status, output), or (None, "") where it takes too long; everything that it began is ended with it."""
        with subprocess.Popen(command, cwd=cwd or self.path, env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, start_new_session=True, errors="replace") as process:
            try:
                output = process.communicate(timeout=seconds)[0]
                return process.returncode, output
            except subprocess.TimeoutExpired:
                return None, ""
            finally:
                if process.returncode is None:
                    os.killpg(process.pid, signal.SIGTERM)
                    process.communicate()

    # ---- building ----

    def configure(self):
        """None, or what is wrong. Warnings are no errors here: a fault may leave a name unused."""
        fresh = not os.path.exists(os.path.join(self.build_path, "CMakeCache.txt"))
        generator = ["-G", "Ninja"] if fresh and shutil.which("ninja") else []
        status, output = self.command(["cmake", "--preset", PRESET, *generator, "-DXDPF_WERROR=OFF", *self.options])
        return telling(output) if status else None

    def build(self, targets):
        """@targets, or everything. None, or the compiler's first complaint."""
        command = ["cmake", "--build", self.build_path, "--parallel", str(os.cpu_count() or 1)]
        if targets == []:
            return None
        status, output = self.command(command + (["--target", *targets] if targets else []))
        if status:
            return next((line.strip()[:200] for line in output.splitlines() if COMPLAINT.search(line)), "the build failed")
        return None

    def targets(self, tests):
        """What must be built for these tests, as their commands show it; None for everything."""
        wanted = set()
        for test in tests:
            found = self.tests()[name_of(test)].targets
            if found is None:
                return None
            wanted |= found
        return sorted(wanted)

    def targets_of(self, command):
        if self.build_path in command:
            return None
        return {os.path.basename(a) for a in command if a.startswith(self.build_path + "/") and os.access(a, os.X_OK) and os.path.isfile(a)}

    def put(self, mutant):
        path = os.path.join(self.path, mutant.file)
        with open(path, encoding="utf-8") as f:
            text = f.read()
        faulty = mutant.applied(text)
        self.changed = (path, text)
        self.write(path, faulty)

    def restore(self):
        if self.changed:
            self.write(*self.changed)
            self.changed = None

    @staticmethod
    def write(path, text):
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)

    # ---- testing: a result is pass, fail or skip; a telling line; and seconds ----

    def tests(self):
        """Asked for when all is built: what does not build later is a target all the same."""
        if self.known is None:
            self.known = tests_of(self.build_path)
            for test in self.known.values():
                test.targets = self.targets_of(test.command)
        return self.known

    def others(self, tests):
        named = {test for test in tests if test == name_of(test)}
        return [name for name in self.tests() if name not in named and name not in NOT_THESE]

    def run(self, test, seconds):
        """One that a mutant names."""
        known = self.tests()[name_of(test)]
        beside = os.path.dirname(next((a for a in known.command if a.startswith(self.path) and not a.startswith(self.build_path)), self.path))
        more = [os.path.join(beside, a) if os.path.exists(os.path.join(beside, a)) else a for a in test.split()[1:]]
        start = time.monotonic()
        status, output = self.command(known.command + more, seconds, known.directory)
        took = time.monotonic() - start
        if status is None:
            return "fail", "it took more than %d s" % seconds, took
        if status < 0:
            return "fail", "%s: %s" % (signal.Signals(-status).name, telling(output)), took
        return "pass" if not status else "skip" if status == known.skip else "fail", telling(output), took

    def run_all(self, tests, limits):
        """{test: result} until one fails, in their order."""
        results = {}
        for test in tests:
            results[test] = self.run(test, limits.get(test, MOST_SECONDS))
            if results[test][0] == "fail":
                break
        return results

    def suite(self, names, seconds):
        """{name: result} of these tests of ctest, until one fails."""
        junit = os.path.join(self.tmp, "junit.xml")
        if os.path.exists(junit):
            os.unlink(junit)
        self.cut_short = ""
        status, output = self.command(["ctest", "--test-dir", self.build_path, "-R", "^(%s)$" % "|".join(map(re.escape, names)), "--timeout", str(MOST_SECONDS),
                                       "--parallel", str(os.cpu_count() or 1), "--stop-on-failure", "--output-junit", junit,
                                       "--test-output-size-failed", "10000000"], seconds)
        if status is None:
            self.cut_short = "nothing failed within %d s of the other tests" % seconds
            return {}
        try:
            cases = ElementTree.parse(junit).getroot().findall("testcase")
        except (OSError, ElementTree.ParseError) as e:
            raise RuntimeError("ctest left no results: %s: %s" % (e, telling(output)))
        return {case.get("name"): ({"run": "pass", "fail": "fail"}.get(case.get("status"), "skip"), telling(case.findtext("system-out") or ""),
                                   float(case.get("time") or 0)) for case in cases}
