"""A kernel of Debian's in a virtual machine without hardware support: its package, an initramfs with what shall run in it, and what
it says on its serial line. Nothing of the machine that this runs on is touched, and no privileges are needed."""

import glob
import lzma
import os
import re
import shutil
import stat
import subprocess
import sys


def debian(*command, cwd=None):
    return subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


class Missing(Exception):
    pass


def package(series):
    """The newest kernel package of a series ("6.1"), by Debian's metapackages."""
    for meta in ("linux-image-%s-cloud-amd64" % series, "linux-image-cloud-amd64"):
        text = debian("apt-cache", "depends", meta).stdout
        for name in re.findall(r"Depends: (linux-image-\S+-cloud-amd64)", text):
            if re.match(r"linux-image-%s[.+-]" % re.escape(series), name):
                return name
    raise Missing("Debian's sources here have no linux-image of %s for clouds" % series)


class Kernel:
    """.image and .modules, unpacked in @cache."""

    def __init__(self, series, cache):
        self.name = package(series)
        here = os.path.join(cache, self.name)
        if not glob.glob(os.path.join(here, "boot", "vmlinuz-*")):
            os.makedirs(cache, exist_ok=True)
            got = debian("apt-get", "-q", "download", self.name, cwd=cache)
            files = glob.glob(os.path.join(cache, self.name + "_*.deb"))
            if got.returncode or not files:
                raise Missing("apt-get download %s: %s" % (self.name, got.stdout.strip()[-300:]))
            subprocess.run(["dpkg-deb", "-x", files[-1], here], check=True)
            for f in files:
                os.unlink(f)
        self.image = glob.glob(os.path.join(here, "boot", "vmlinuz-*"))[0]
        self.release = os.path.basename(self.image)[len("vmlinuz-"):]
        self.modules = os.path.join(here, "lib", "modules", self.release, "kernel")

    def has(self, module):
        return any(os.path.exists(os.path.join(self.modules, name)) for name in (module, module + ".xz"))

    def module(self, path):
        for name in (path, path + ".xz"):
            full = os.path.join(self.modules, name)
            if os.path.exists(full):
                with (lzma.open(full) if name.endswith(".xz") else open(full, "rb")) as f:
                    return f.read()
        raise Missing("%s has no %s" % (self.name, path))


class Archive:
    """An initramfs: cpio in its "new" form."""

    def __init__(self, path):
        self.f, self.inode, self.have = open(path, "wb"), 0, set()

    def entry(self, name, mode, data=b"", rdev=(0, 0)):
        self.inode += 1
        fields = (self.inode, mode, 0, 0, 1, 0, len(data), 0, 0, *rdev, len(name) + 1, 0)
        head = b"070701" + b"".join(b"%08x" % n for n in fields) + name.encode() + b"\0"
        self.f.write(head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4))

    def directory(self, name):
        if name and name not in self.have:
            self.directory(os.path.dirname(name))
            self.have.add(name)
            self.entry(name, stat.S_IFDIR | 0o755)

    def add(self, name, data, mode=0o644):
        name = name.lstrip("/")
        if name not in self.have:
            self.directory(os.path.dirname(name))
            self.have.add(name)
            self.entry(name, stat.S_IFREG | mode, data)

    def file(self, name, path, mode=0o644):
        with open(path, "rb") as f:
            self.add(name, f.read(), mode)

    def program(self, path, name=None):
        """A program, at its own place or as @name, and the libraries it needs. (/tmp, /run and others of this machine are hidden there.)"""
        self.file(name or path, os.path.realpath(path), 0o755)
        for library in re.findall(r"(?:=> |^\s*)(/\S+) \(0x", debian("ldd", path).stdout, re.M):
            self.file(library, os.path.realpath(library), 0o755)

    def close(self):
        self.entry("TRAILER!!!", 0)
        self.f.close()


machines = set()


def end():
    """All that run."""
    for machine in list(machines):
        machine.terminate()


def boot(kernel, initramfs, seconds, log):
    """Lines of the serial line, as they come; the machine ends itself."""
    command = ["qemu-system-x86_64", "-accel", "tcg", "-cpu", "max", "-m", "1500", "-nodefaults", "-no-reboot", "-display", "none",
               "-serial", "stdio", "-kernel", kernel.image, "-initrd", initramfs, "-append", "console=ttyS0 quiet panic=-1 oops=panic mitigations=off"]
    if not shutil.which(command[0]):
        raise Missing("qemu-system-x86_64 is not installed")
    machine = subprocess.Popen(["timeout", "-k", "5", str(seconds), *command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)
    machines.add(machine)
    try:
        with open(log, "wb") as f:
            for line in machine.stdout:
                f.write(line)
                f.flush()
                yield line.decode("utf-8", "replace").rstrip("\r\n")
    finally:
        machine.terminate()     # timeout(1), which ends it
        machine.wait()
        machines.discard(machine)


if __name__ == "__main__":
    sys.exit("guest.py is for run")
