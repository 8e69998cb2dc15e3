"""In the guest: containers of Podman, runc and crun at their limits, and what spyhole says of them beside
the files of cgroup v2 and other tools. Prints `vm: all the same` at the end, or each difference."""
import json
import os
import shutil
import subprocess
import time

SPYHOLE = "/mnt/spyhole"
MEMORY, PIDS, CORES = 64 << 20, 24, 0.5
# A program for the OOM killer, a loop for the quota, then more processes than may be: the shell that
# cannot fork ends, the first one waits for the loop.
LOAD = """
dd if=/dev/zero of=/dev/null bs=200M count=1
(while :; do :; done) &
(i=0; while [ $i -lt 40 ]; do sleep 10000 & i=$((i+1)); done)
: >/ready
wait
"""
differences = []
compared = 0


def say(text):
    print(f"vm: {text}", flush=True)


def same(what, ours, theirs, slack=0):
    global compared
    compared += 1
    alike = ours == theirs
    if slack and isinstance(ours, (int, float)) and isinstance(theirs, (int, float)):
        alike = abs(ours - theirs) <= slack
    if not alike:
        differences.append(what)
        say(f"DIFFERS {what}: spyhole {ours!r}, the kernel {theirs!r}")


def holds(what, condition):
    same(what, bool(condition), True)


def run(*words, check=True):
    done = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if check and done.returncode:
        raise SystemExit(f"vm: {words}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def spyhole(*words):
    done = subprocess.run([SPYHOLE, *words, "-o", "json"], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"vm: spyhole {words}: {done.returncode}\n{done.stderr}")
    return json.loads(done.stdout)


def make_root(path):
    os.makedirs(f"{path}/bin")
    for directory in ("proc", "sys", "dev", "tmp", "etc"):
        os.makedirs(f"{path}/{directory}")
    shutil.copy("/bin/busybox", f"{path}/bin/busybox")
    for name in ("sh", "dd", "sleep", "touch"):
        os.symlink("busybox", f"{path}/bin/{name}")


def bundle(name, root):
    """What runc and crun start: the specification that they make themselves, with limits and the load."""
    directory = f"/tmp/bundle-{name}"
    os.makedirs(directory)
    subprocess.run(["runc", "spec"], cwd=directory, check=True)
    with open(f"{directory}/config.json") as file:
        spec = json.load(file)
    spec["process"].update(terminal=False, args=["/bin/sh", "-c", LOAD])
    spec["root"] = {"path": root, "readonly": False}
    spec["linux"]["cgroupsPath"] = f"/{name}"
    spec["linux"]["resources"] = {
        "memory": {"limit": MEMORY, "swap": MEMORY},
        "cpu": {"quota": int(CORES * 100_000), "period": 100_000},
        "pids": {"limit": PIDS},
    }
    with open(f"{directory}/config.json", "w") as file:
        json.dump(spec, file)
    return directory


def start(name):
    """Starts the load by one runtime; gives its root, its first process, and how to end it."""
    root = f"/var/tmp/root-{name}"
    make_root(root)
    if name.startswith("podman"):
        runtime = name.split("-")[1]
        run("podman", f"--runtime={runtime}", "run", "-d", "--name", name, f"--memory={MEMORY}",
            f"--memory-swap={MEMORY}", f"--cpus={CORES}", f"--pids-limit={PIDS}", "--rootfs", root,
            "/bin/sh", "-c", LOAD)
        pid = run("podman", "inspect", "--format", "{{.State.Pid}}", name).strip()
        return root, pid, ("podman", f"--runtime={runtime}", "rm", "-f", "-t", "0", name)
    directory = bundle(name, root)
    out = open(f"/tmp/{name}.log", "w")
    done = subprocess.run([name, "run", "-d", "--bundle", directory, name], stdout=out, stderr=out,
                          stdin=subprocess.DEVNULL)
    if done.returncode:
        raise SystemExit(f"vm: {name}: " + open(f"/tmp/{name}.log").read())
    pid = str(json.loads(run(name, "state", name))["pid"])
    return root, pid, (name, "delete", "-f", name)


def cgroup(pid):
    with open(f"/proc/{pid}/cgroup") as file:
        path = file.read().strip().removeprefix("0::")
    return "/sys/fs/cgroup" + path


def text(directory, name):
    with open(f"{directory}/{name}") as file:
        return file.read().strip()


def number(directory, name):
    value = text(directory, name)
    return value if value == "max" else int(value)


def keyed(directory, name):
    return {line.split()[0]: int(line.split()[1]) for line in text(directory, name).splitlines()}


def pressure(directory, name):
    lines = {}
    for line in text(directory, name).splitlines():
        word, *pairs = line.split()
        lines[word] = {pair.split("=")[0]: float(pair.split("=")[1]) for pair in pairs}
    return lines


def limit(value):
    return "unlimited" if value == "max" else value


def compare_resources(name, pid):
    where = cgroup(pid)
    # Frozen, the numbers are the same for both.
    with open(f"{where}/cgroup.freeze", "w") as file:
        file.write("1")
    while "frozen 1" not in text(where, "cgroup.events"):
        time.sleep(0.1)
    time.sleep(1)
    files = ("memory.pressure", "cpu.pressure", "io.pressure")
    before = {file: pressure(where, file) for file in files}
    document = spyhole("resources", "--pid", pid)
    after = {file: pressure(where, file) for file in files}
    same(f"{name}: gaps", document["gaps"], [])
    ours = document["resources"]
    memory, cpu, pids = ours["memory"], ours["cpu"], ours["pids"]
    stat, events = keyed(where, "memory.stat"), keyed(where, "memory.events")
    page = 64 * 4096
    same(f"{name}: memory.current", memory["current_bytes"], number(where, "memory.current"), page)
    same(f"{name}: memory.peak", memory["peak_bytes"], number(where, "memory.peak"))
    same(f"{name}: memory.max", memory["limit_bytes"], MEMORY)
    same(f"{name}: memory.high", memory["high_bytes"], limit(number(where, "memory.high")))
    working = number(where, "memory.current") - stat["inactive_file"]
    same(f"{name}: working set", memory["working_set_bytes"], working, page)
    same(f"{name}: anon", memory["anonymous_bytes"], stat["anon"], page)
    same(f"{name}: file", memory["cache_bytes"], stat["file"], page)
    same(f"{name}: kernel", memory["kernel_bytes"], stat["kernel"], page)
    same(f"{name}: oom", memory["oom_events"], events["oom"])
    same(f"{name}: oom_kill", memory["oom_kills"], events["oom_kill"])
    holds(f"{name}: the OOM killer acted", events["oom_kill"] >= 1)
    holds(f"{name}: the limit was reached", memory["peak_bytes"] > MEMORY * 0.95)
    if os.path.exists(f"{where}/memory.swap.current"):
        same(f"{name}: swap", memory.get("swap_current_bytes"), number(where, "memory.swap.current"))
        same(f"{name}: swap limit", memory.get("swap_limit_bytes"), limit(number(where, "memory.swap.max")))
    stat = keyed(where, "cpu.stat")
    same(f"{name}: usage", cpu["usage_seconds"], stat["usage_usec"] / 1e6, 0.02)
    same(f"{name}: user", cpu["user_seconds"], stat["user_usec"] / 1e6, 0.02)
    same(f"{name}: system", cpu["system_seconds"], stat["system_usec"] / 1e6, 0.02)
    same(f"{name}: quota", cpu["limit_cores"], CORES)
    same(f"{name}: periods", cpu["periods"], stat["nr_periods"], 1)
    same(f"{name}: throttled", cpu["throttled_periods"], stat["nr_throttled"], 1)
    same(f"{name}: throttled time", cpu["throttled_seconds"], stat["throttled_usec"] / 1e6, 0.2)
    holds(f"{name}: it was throttled", stat["nr_throttled"] > 0)
    same(f"{name}: weight", cpu["weight"], number(where, "cpu.weight"))
    same(f"{name}: pids.current", pids["current"], number(where, "pids.current"))
    same(f"{name}: pids.max", pids["limit"], PIDS)
    same(f"{name}: pids.peak", pids["peak"], number(where, "pids.peak"))
    same(f"{name}: forks that failed", pids["fork_failures"], keyed(where, "pids.events")["max"])
    holds(f"{name}: pids were exhausted", pids["fork_failures"] > 0)
    # Averages sink while nothing waits: what was seen lies between what was before and after.
    for part, file in zip((memory, cpu, ours["io"]), files):
        for word in ("some", "full"):
            line = part["pressure"][word]
            for field, key, unit in (("total_seconds", "total", 1e6), ("avg10_percent", "avg10", 1),
                                     ("avg60_percent", "avg60", 1), ("avg300_percent", "avg300", 1)):
                ends = sorted(seen[file][word][key] / unit for seen in (before, after))
                lies = ends[0] - 1e-6 <= line[field] <= ends[1] + 1e-6
                same(f"{name}: {file} {word} {key}", line[field] if not lies else ends, ends)
    holds(f"{name}: there was pressure on the CPU", cpu["pressure"]["some"]["total_seconds"] > 0)
    used = pids["current"] / PIDS * 100
    same(f"{name}: percent of pids", pids["used_percent"], used, 0.06)
    with open(f"{where}/cgroup.freeze", "w") as file:
        file.write("0")


def compare_limits(name, pid):
    theirs = {}
    with open(f"/proc/{pid}/limits") as file:
        for line in file.readlines()[1:]:
            words = line[26:].split()
            theirs[line[:26].strip().lower().removeprefix("max ").replace(" ", "_")] = words[:2]
    for row in spyhole("resources", "--pid", pid)["resources"]["limits"]:
        words = theirs.get(row["resource"])
        same(f"{name}: {row['resource']}", [str(row["soft"]), str(row["hard"])], words)


def compare_others(name, root, pid):
    """The other sections: each against the file or tool that tells it too."""
    where = cgroup(pid)
    document = spyhole("dump", "--container", f"pid-{pid}", "--no-connect")
    for gap in document["gaps"]:
        holds(f"{name}: dump: {gap['section']}.{gap['field']} {gap['reason']}",
              gap["reason"] not in ("malformed", "io", "timeout"))
    pids = sorted(int(line) for line in text(where, "cgroup.procs").splitlines())
    same(f"{name}: processes", sorted(one["pid"] for one in document["processes"]), pids)
    status = dict(line.split(":", 1) for line in text(f"/proc/{pid}", "status").splitlines())
    first = next(one for one in document["processes"] if one["pid"] == int(pid))
    same(f"{name}: uid", first["uid"], int(status["Uid"].split()[1]))
    mounts = text(f"/proc/{pid}", "mountinfo").splitlines()
    same(f"{name}: mounts", len(document["mounts"]), len(mounts))
    files = spyhole("lsof", "--pid", pid)["open_files"]["files"]
    fds = sorted(one["fd"] for one in files if one["opened_as"] == "descriptor")
    same(f"{name}: descriptors", fds, sorted(map(int, os.listdir(f"/proc/{pid}/fd"))))
    links = json.loads(run("nsenter", "-t", pid, "-n", "ip", "-j", "link"))
    interfaces = spyhole("network", "--pid", pid)["network"]["interfaces"]
    same(f"{name}: interfaces", sorted(one["name"] for one in interfaces), sorted(one["ifname"] for one in links))
    program = spyhole("program", "--pid", pid)["program"]
    same(f"{name}: program", program["path"], "/bin/busybox")
    same(f"{name}: linking", program["elf"]["linking"], "static")
    same(f"{name}: on disk", program["on_disk"], "same")
    details = next(one for one in spyhole("ps", "--details", "--pid", pid)["processes"])["details"]
    apart = []
    for kind in ("cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"):
        if os.readlink(f"/proc/{pid}/ns/{kind}") != os.readlink(f"/proc/self/ns/{kind}"):
            apart.append(kind)
    same(f"{name}: other namespaces", sorted(details["other_namespaces"]), apart)
    io = dict(line.split(": ") for line in text(f"/proc/{pid}", "io").splitlines())
    same(f"{name}: io", details["io"]["read_bytes"], int(io["read_bytes"]))


def beside(name):
    """From a container beside it, as `podman run --pid container:X` starts it."""
    os.makedirs("/var/tmp/spyhole-root", exist_ok=True)
    shutil.copy(SPYHOLE, "/var/tmp/spyhole-root/spyhole")
    runtime = name.split("-")[1]
    seen = json.loads(run(
        "podman", f"--runtime={runtime}", "run", "--rm", f"--pid=container:{name}", "--cap-add=SYS_PTRACE",
        "--rootfs", "/var/tmp/spyhole-root", "/spyhole", "resources", "-o", "json"))
    memory = seen["resources"]["memory"]
    same(f"{name}: the limit from beside", memory["limit_bytes"], MEMORY)
    holds(f"{name}: OOM kills from beside", memory["oom_kills"] >= 1)
    same(f"{name}: pids from beside", seen["resources"]["pids"]["limit"], PIDS)


def main():
    say(run("uname", "-sr").strip())
    for name in ("podman-crun", "podman-runc", "runc", "crun"):
        root, pid, end = start(name)
        deadline = time.monotonic() + 120
        while not os.path.exists(f"{root}/ready"):
            if time.monotonic() > deadline:
                raise SystemExit(f"vm: {name}: the load did not come to its end")
            time.sleep(0.5)
        before = compared
        compare_resources(name, pid)
        compare_limits(name, pid)
        compare_others(name, root, pid)
        if name.startswith("podman"):
            beside(name)
        run(*end)
        say(f"{name}: {compared - before} compared")
    say(f"{len(differences)} of {compared} differ" if differences else f"all the same, {compared} compared")


main()
