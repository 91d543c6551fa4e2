#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the tests: tests/run.py [PHASE...]  (without names: all of them; "bench" and "fuzz": only that)

Phases run two at a time where they do not disturb each other, each with a log in
build/test-logs. The last line printed is "N passed, N failed".

Environment: BUILD (build), FUZZ_SECONDS (60 for each target), HOSTLER_TEST_VERBOSE=1 (logs of
failed phases in full), JOBS (compilers at once).
"""
import ctypes
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))
LOGS = os.path.join(BUILD, "test-logs")
JOBS = os.environ.get("JOBS") or str(os.cpu_count())
FUZZ_SECONDS = int(os.environ.get("FUZZ_SECONDS") or 60)
PYTEST = [os.path.join(BUILD, "venv/bin/python"), "-m", "pytest", "-p", "no:cacheprovider", "-q"]
sys.path.insert(0, os.path.join(ROOT, "tests/lab"))

from pg import Postgres  # noqa: E402

RUN_MARK = f"HOSTLER_TEST_RUN={os.getpid()}"
SLOTS = 2
PR_SET_PDEATHSIG = 1


class Count:
    def __init__(self, passed=0, failed=0, skipped=0, failures=()):
        self.passed, self.failed, self.skipped, self.failures = passed, failed, skipped, list(failures)

    def __iadd__(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.failures += other.failures
        return self


def one(ok, name):
    return Count(passed=1) if ok else Count(failed=1, failures=[name])


# -- reading results -----------------------------------------------------------------


def count_meson(path):
    """meson's testlog.json; cmocka programs are counted by their single tests."""
    total = Count()
    if not os.path.exists(path):
        return Count()
    with open(path) as f:
        entries = [json.loads(line) for line in f if line.strip()]
    for entry in entries:
        name, ok = entry["name"], entry["result"] in ("OK", "EXPECTEDFAIL")
        if entry["result"] == "SKIP":
            total.skipped += 1
            continue
        output = entry.get("stdout", "") + entry.get("stderr", "")
        passed = len(re.findall(r"^\[ +OK +\] (?!.*test\(s\))", output, re.M))
        failed = sorted(set(re.findall(r"^\[  FAILED  \] ([\w.-]+)$", output, re.M)))
        if not ok and not failed:
            failed = [entry["result"].lower()]
        total += Count(passed if passed or failed else 1, len(failed), 0, [f"{name}: {test}" for test in failed])
    return total


def count_junit(path):
    if not os.path.exists(path):
        return Count()
    total = Count()
    for case in xml.etree.ElementTree.parse(path).iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            total += Count(failed=1, failures=[f"{case.get('classname')}::{case.get('name')}"])
        elif case.find("skipped") is not None:
            total.skipped += 1
        else:
            total.passed += 1
    return total


# -- phases: each is a function that runs commands through `do` and returns a Count ------


class Phase:
    def __init__(self, name, run, after=(), slots=1, lock=None, needs=None, optional=False, minutes=15, default=True):
        """needs: a path in the repository; optional: say nothing when it is not there yet."""
        self.name, self.run, self.after, self.slots, self.lock = name, run, after, slots, lock
        self.needs, self.optional, self.minutes, self.default = needs, optional, minutes, default
        self.pid = None
        self.status, self.count, self.seconds = "waiting", Count(), 0.0
        self.log = os.path.join(LOGS, name + ".log")


def do(*argv, env=None, nice=False):
    """Run a command to its end in the phase's process; True when it succeeded."""
    argv = (["nice", "-n", "10"] if nice else []) + list(argv)
    print("+", " ".join(argv), flush=True)
    return subprocess.run(argv, cwd=ROOT, stdin=subprocess.DEVNULL, env={**os.environ, **(env or {})}).returncode == 0


def meson_files():
    for directory, below, files in os.walk(ROOT):
        below[:] = [d for d in below if not d.startswith((".", "build"))]
        if "meson.build" in files:
            yield os.path.join(directory, "meson.build")


def builder(directory, *options, env=None, nice=False):
    def run(phase):
        path = os.path.join(BUILD, directory)
        ninja = os.path.join(path, "build.ninja")
        known = os.path.getmtime(ninja) if os.path.exists(ninja) else 0
        if any(os.path.getmtime(p) > known for p in meson_files()):  # ninja does not see new folders
            if not do("meson", "setup", *(["--reconfigure"] if known else []), path, *options, env=env):
                return one(False, f"meson setup {directory}")
        return one(do("ninja", "-C", path, "-j", JOBS, nice=nice), f"build {directory}")
    return run


def guest(phase):
    return one(do("tools/mkguest.sh", os.path.join(BUILD, "guest")), "guest")


def lint(phase):
    return one(do(sys.executable, "tests/lint.py") and do(sys.executable, "tools/requirements.py", "--check"), "lint")


def meson_suite(*selection, postgres=False):
    """Tests that meson knows, from the sanitized build; with PostgreSQL those that want one run on both databases."""
    def run(phase):
        if postgres:
            with Postgres(fsync=False) as server:
                return run_tests(phase, {"HOSTLER_TEST_PG": server.url("postgres")})
        return run_tests(phase, {})

    def run_tests(phase, env):
        build, base = os.path.join(BUILD, "asan"), "log-" + phase.name
        result = os.path.join(build, "meson-logs", base + ".json")
        if os.path.exists(result):
            os.unlink(result)
        ok = do("meson", "test", "-C", build, "--no-rebuild", "--print-errorlogs", "--logbase", base, "-t", "4",
                "--num-processes", "1", *selection, env=env)
        count = count_meson(result)
        if not ok and not count.failed:
            count += one(False, "meson test")
        if not count.passed and not count.failed:
            count += one(False, "no tests found")
        return count
    return run


def e2e(database):
    def run(phase):
        result = os.path.join(LOGS, phase.name + ".xml")
        reports = os.path.join(LOGS, phase.name + ".sanitizer")
        env = {"HOSTLER_TEST_DB": database, "HOSTLER_BUILD": os.path.join(BUILD, "asan"),
               "HOSTLER_GUEST": os.path.join(BUILD, "guest"),
               "ASAN_OPTIONS": f"log_path={reports}:detect_leaks=1", "UBSAN_OPTIONS": f"log_path={reports}:print_stacktrace=1"}
        temporary = os.path.join(os.environ["HOSTLER_TEST_TMP"], phase.name)
        ok = do(*PYTEST, "tests/e2e", f"--junitxml={result}", "--basetemp", temporary,
                *(["-m", "not anydb"] if database != "sqlite" else []), env=env)
        count = count_junit(result)
        for path in glob.glob(reports + ".*"):
            count += one(False, "sanitizer report " + os.path.relpath(path, ROOT))
            with open(path, errors="replace") as f:
                print(f.read(20000))
        if not ok and not count.failed:
            count += one(False, "pytest")
        return count
    return run


def portal(phase):
    """Types and bundle of the portals."""
    return one(do("tools/portal.sh", os.path.join(BUILD, "portal")), "portal")


def browser(phase):
    """The portals in a real browser; pictures of all pages are left in build/screenshots."""
    result = os.path.join(LOGS, phase.name + ".xml")
    shutil.rmtree(os.path.join(BUILD, "screenshots"), ignore_errors=True)
    env = {"HOSTLER_BUILD": os.path.join(BUILD, "release"), "HOSTLER_GUEST": os.path.join(BUILD, "guest"),
           "HOSTLER_PORTAL": os.path.join(BUILD, "portal"), "HOSTLER_SCREENSHOTS": os.path.join(BUILD, "screenshots")}
    ok = do(*PYTEST, "tests/browser", f"--junitxml={result}", "--basetemp", os.path.join(os.environ["HOSTLER_TEST_TMP"], phase.name), env=env)
    count = count_junit(result)
    if not ok and not count.failed:
        count += one(False, "pytest")
    return count


def fuzz(phase):
    """Every target for FUZZ_SECONDS, two side by side, from the seeds in tests/fuzz/corpus/TARGET."""
    targets = sorted(p for p in glob.glob(os.path.join(BUILD, "fuzz/tests/fuzz/fuzz_*")) if os.path.isfile(p) and os.access(p, os.X_OK))
    if not targets:
        return one(False, "no fuzz targets")
    count, running = Count(), []
    try:
        while targets or running:
            while targets and len(running) < 2:
                running.append(start_fuzzer(targets.pop(0)))
            time.sleep(0.2)
            for job in [j for j in running if j[1].poll() is not None]:
                running.remove(job)
                count += fuzzer_result(*job)
    finally:
        for _, process, _ in running:
            process.kill()
    return count


def fuzzer_result(name, process, log):
    with open(log, errors="replace") as f:
        print(name, "exit", process.returncode, f.read()[-600:], flush=True)
    return one(process.returncode == 0, f"{name} (see {os.path.relpath(log, ROOT)})")


def start_fuzzer(path):
    name = os.path.basename(path)
    corpus, found = os.path.join(BUILD, "fuzz-corpus", name), os.path.join(LOGS, "fuzz-found")
    os.makedirs(corpus, exist_ok=True)
    os.makedirs(found, exist_ok=True)
    seeds = [d for d in (os.path.join(ROOT, "tests/fuzz/corpus", name), os.path.join(ROOT, "tests/fuzz/corpus", name[5:]))
             if os.path.isdir(d)]
    words = glob.glob(os.path.join(ROOT, "tests/fuzz", name[5:] + ".dict"))
    log = os.path.join(LOGS, name + ".log")
    with open(log, "w") as out:
        process = subprocess.Popen(["nice", "-n", "10", path, f"-max_total_time={FUZZ_SECONDS}", "-timeout=20", "-rss_limit_mb=3000",
                                    "-max_len=65536", f"-artifact_prefix={found}/{name}-", *(f"-dict={w}" for w in words),
                                    corpus, *seeds], cwd=LOGS, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    return name, process, log


def bench(*options):
    def run(phase):
        return one(do(os.path.join(BUILD, "venv/bin/python"), "tests/bench/run.py", *options,
                      env={"HOSTLER_BUILD": os.path.join(BUILD, "release"), "HOSTLER_GUEST": os.path.join(BUILD, "guest")}), phase.name)
    return run


SANITIZE = ("--buildtype=debugoptimized", "-Db_sanitize=address,undefined", "-Db_lundef=false")
PHASES = [
    Phase("lint", lint),
    Phase("guest", guest),
    Phase("build", builder("asan", *SANITIZE), slots=2),
    Phase("e2e-sqlite", e2e("sqlite"), after=("build", "guest"), lock="lab", needs="tests/e2e", minutes=45),
    Phase("unit", meson_suite("--no-suite", "sim", postgres=True), after=("build",), needs="tests/unit", minutes=25),
    Phase("simulator", meson_suite("--suite", "sim"), after=("build",), needs="sim/meson.build"),
    Phase("build-clang", builder("fuzz", *SANITIZE, "-Dtests=false", "-Dc_args=-fsanitize=fuzzer-no-link", env={"CC": "clang-14"}, nice=True),
          after=("build",)),
    Phase("build-release", builder("release", "--buildtype=debugoptimized", "-Dtests=false", nice=True), after=("build",)),
    Phase("portal", portal, needs="portal/package.json"),
    Phase("browser", browser, after=("build-release", "guest", "portal"), lock="lab", needs="tests/browser", minutes=20),
    Phase("e2e-postgresql", e2e("postgresql"), after=("build", "guest"), lock="lab", needs="tests/e2e", minutes=25),
    Phase("fuzz", fuzz, after=("build-clang",), needs="tests/fuzz/meson.build", minutes=15 + FUZZ_SECONDS // 4),
    Phase("bench-smoke", bench("--smoke"), after=("build-release", "guest"), needs="tests/bench/run.py"),
    Phase("bench", bench(), after=("build-release", "guest"), slots=2, needs="tests/bench/run.py", minutes=60, default=False),
]


# -- running them ------------------------------------------------------------------------


def run_in_child(phase):
    """A phase is a process of its own in a session of its own, and reports through a file."""
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        log = os.open(phase.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(log, 1)
        os.dup2(log, 2)
        sys.stdout = os.fdopen(1, "w", buffering=1)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        try:
            count = phase.run(phase)
        except Exception as e:  # a broken phase is a failed one
            print(f"{type(e).__name__}: {e}")
            count = one(False, f"{type(e).__name__}: {e}")
        with open(phase.log + ".json", "w") as f:
            json.dump(vars(count), f)
        sys.stdout.flush()
    finally:
        os._exit(0)


def finish(phase, started, timed_out=False):
    phase.seconds = time.monotonic() - started
    try:
        with open(phase.log + ".json") as f:
            phase.count = Count(**json.load(f))
        os.unlink(phase.log + ".json")
    except (OSError, ValueError):
        phase.count = one(False, "took too long" if timed_out else "died")
    phase.status = "failed" if phase.count.failed else "ok"
    report(phase)


def report(phase):
    c = phase.count
    text = f"{phase.name:16} {phase.status:8} {c.passed:5} passed {c.failed:4} failed"
    text += f" {c.skipped:3} skipped" if c.skipped else " " * 12
    print(f"{text} {phase.seconds:7.1f} s", flush=True)
    for failure in c.failures[:20]:
        print(f"    {failure}")
    if c.failed and os.path.exists(phase.log):
        with open(phase.log, errors="replace") as f:
            text = f.read()
        if not os.environ.get("HOSTLER_TEST_VERBOSE"):
            text = "\n".join(text.split("\n")[-30:])
        print("    " + text.replace("\n", "\n    "), flush=True)


def stop(phase):
    try:
        os.killpg(phase.pid, signal.SIGTERM)
        end = time.monotonic() + 10
        while time.monotonic() < end:
            if os.waitpid(phase.pid, os.WNOHANG)[0]:
                break
            time.sleep(0.05)
        os.killpg(phase.pid, signal.SIGKILL)
    except (ProcessLookupError, ChildProcessError):
        pass


def left_behind():
    """Processes that carry the mark of this run in their environment."""
    for path in glob.glob("/proc/[0-9]*/environ"):
        pid = int(path.split("/")[2])
        try:
            with open(path, "rb") as f:
                if RUN_MARK.encode() in f.read().split(b"\0") and pid != os.getpid():
                    with open(f"/proc/{pid}/cmdline", "rb") as g:
                        yield pid, g.read().replace(b"\0", b" ").decode(errors="replace")[:100]
        except OSError:
            continue


def state_of(names):
    return [p for p in PHASES if p.name in names]


def run_all(wanted):
    started, running = {}, []
    waiting = list(wanted)
    try:
        while waiting or running:
            for phase in list(waiting):
                before = state_of(phase.after)
                if any(p in waiting or p in running for p in before):
                    continue
                broken = [p.name for p in before if p in wanted and p.status == "failed"]
                missing = phase.needs and not os.path.exists(os.path.join(ROOT, phase.needs))
                if broken or missing:
                    waiting.remove(phase)
                    if missing and phase.optional:
                        phase.status = "absent"
                        continue
                    phase.status = "failed"
                    phase.count = one(False, f"{phase.needs} is not there" if missing else f"needs {', '.join(broken)}")
                    report(phase)
                    continue
                used = sum(p.slots for p in running)
                if used + phase.slots > SLOTS or (phase.lock and any(p.lock == phase.lock for p in running)):
                    continue
                waiting.remove(phase)
                running.append(phase)
                started[phase] = time.monotonic()
                phase.pid = run_in_child(phase)
            time.sleep(0.05)
            for phase in list(running):
                late = time.monotonic() - started[phase] > phase.minutes * 60
                if late:
                    stop(phase)
                elif not os.waitpid(phase.pid, os.WNOHANG)[0]:
                    continue
                running.remove(phase)
                finish(phase, started[phase], late)
    finally:
        for phase in running:
            stop(phase)


def select(names):
    known = {p.name: p for p in PHASES}
    unknown = [n for n in names if n not in known]
    if unknown:
        sys.exit(f"unknown phase {unknown[0]}; there are: {', '.join(known)}")
    if not names:
        return [p for p in PHASES if p.default]
    chosen = set(names)
    while True:  # what they need comes along
        more = {a for n in chosen for a in known[n].after} - chosen
        if not more:
            return [p for p in PHASES if p.name in chosen]
        chosen |= more


def main():
    if os.geteuid() != 0:
        os.execvp("sudo", ["sudo", "-E", sys.executable, os.path.realpath(__file__), *sys.argv[1:]])
    wanted = select(sys.argv[1:])
    shutil.rmtree(LOGS, ignore_errors=True)
    os.makedirs(LOGS)
    temporary = tempfile.mkdtemp(prefix="hostler-test-", dir="/tmp")
    os.chmod(temporary, 0o755)  # PostgreSQL and VMs run as other users
    name, value = RUN_MARK.split("=")
    os.environ.update({name: value, "HOSTLER_TEST_TMP": temporary, "PYTHONDONTWRITEBYTECODE": "1"})
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    begun, total, stopped = time.monotonic(), Count(), False
    try:
        run_all(wanted)
    except KeyboardInterrupt:
        stopped = True
    finally:
        end = time.monotonic() + 5  # what is ending may end
        while (rest := list(left_behind())) and not stopped and time.monotonic() < end:
            time.sleep(0.2)
        for pid, text in rest:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        shutil.rmtree(temporary, ignore_errors=True)
    for phase in wanted:
        total += phase.count
    if stopped:
        total += one(False, "interrupted")
    elif rest:
        total += one(False, "left behind")
        print("left behind:", *(f"\n    {pid} {text}" for pid, text in rest))
    print(f"\n{'phase':16} {'result':8} {'time':>9}")
    for phase in wanted:
        print(f"{phase.name:16} {phase.status:8} {phase.seconds:7.1f} s")
    print(f"{'all':16} {'failed' if total.failed else 'ok':8} {time.monotonic() - begun:7.1f} s\n")
    print(f"{total.passed} passed, {total.failed} failed")
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
