#!/usr/bin/env bash
# minidump-analyzer 0.1.0 (PyPI), which reads minidumps of crashed programs.
#
# A module's name is a MINIDUMP_STRING: its length in bytes, 4 bytes, then UTF-16. A
# MINIDUMP_THREAD has 48 bytes, with where its stack is before where its registers are. In
# MINIDUMP_SYSTEM_INFO, MajorVersion follows ProductType at byte 8 (Windows SDK,
# minidumpapiset.h).
#
# Guess before running it: names, threads and version are those of minidump 0.0.24 (PyPI).
# Seen: of each name there is its length, as a letter: 30 bytes are "\x1e". Of two threads the
# second is made of the first one's stack, and none has registers. Version, build and platform are
# read two bytes too far, so that 6.1 is 65536.498139136. Memory and its protection are right.
. "$(dirname "$0")/lib/pypi"
pypi minidump-analyzer==0.1.0 minidump==0.0.24

cat >"$TEMP/dump.py" <<'PYTHON'
import logging, struct, sys
from minidump.minidumpfile import MinidumpFile
from minidump_analyzer.parser import MiniDumpParser

dump, streams = bytearray(32 + 5 * 12), []

def put(data):
    dump.extend(bytes(-len(dump) % 16))
    dump.extend(data)
    return len(dump) - len(data)

def text(value):
    data = value.encode("utf-16-le")
    return put(struct.pack("<I", len(data)) + data + b"\0\0")

registers = bytearray(1232)  # CONTEXT of AMD64
struct.pack_into("<I", registers, 0x30, 0x10000F)
struct.pack_into("<Q", registers, 0xF8, 0x401000)
stack, threads, modules = put(bytes(64)), b"", b""
for number in (1000, 1001):
    threads += struct.pack("<IIIIQ", number, 0, 0x20, 8, 0)
    threads += struct.pack("<QIIII", 0x7FF0, 64, stack, len(registers), put(registers))
for base, name in (0x400000, "/usr/bin/engine"), (0x7F0000000000, "/lib/libc.so.6"):
    modules += struct.pack("<QIIII", base, 0x5000, 0, 0, text(name)) + bytes(84)
system = struct.pack("<HHHBBIIIIIHH", 9, 6, 0x3A09, 4, 1, 6, 1, 7601, 2, text(""), 0, 0) + bytes(24)
for kind, data in (
    (7, system),
    (3, struct.pack("<I", 2) + threads),
    (4, struct.pack("<I", 2) + modules),
    (5, struct.pack("<IQII", 1, 0x401000, 64, put(b"code".ljust(64)))),
    (16, struct.pack("<IIQQQIIQIIII", 16, 48, 1, 0x400000, 0x400000, 32, 0, 0x5000, 0x1000, 32, 0x1000000, 0)),
):
    streams.append(struct.pack("<III", kind, len(data), put(data)))
dump[:32] = struct.pack("<IIIIIIQ", 0x504D444D, 0xA793, len(streams), 32, 0, 0, 0)
dump[32:32 + 12 * len(streams)] = b"".join(streams)
with open(sys.argv[1], "wb") as file:
    file.write(dump)

logging.disable(logging.CRITICAL)  # the other one looks for an environment of Windows
other, known = MinidumpFile.parse(sys.argv[1]), MiniDumpParser(sys.argv[1])
known.open()
print("other", [module.name for module in other.modules.modules], [one.ThreadId for one in other.threads.threads],
      "%d.%d.%d" % (other.sysinfo.MajorVersion, other.sysinfo.MinorVersion, other.sysinfo.BuildNumber))
system = known.get_system_info()
print("names", [module.module_name for module in known.get_modules()])
print("threads", [(one.thread_id, one.rip) for one in known.get_threads()])
print("version", "%d.%d.%d" % (system.major_version, system.minor_version, system.build_number))
print("memory", known.read_va(0x401000, 4), [hex(one.protect) for one in known.get_memory_info()])
PYTHON
python3 "$TEMP/dump.py" "$TEMP/dump" >"$TEMP/out"
line() { sed -n "s/^$1 //p" "$TEMP/out"; }
same "minidump 0.0.24" "['/usr/bin/engine', '/lib/libc.so.6'] [1000, 1001] 6.1.7601" "$(line other)"
same "names" "['\\x1e', '\\x1c']" "$(line names)"
same "threads, with where they are" "[(1000, 0), (0, 0)]" "$(line threads)"
same "version" "65536.498139136.131072" "$(line version)"
same "memory" "b'code' ['0x20']" "$(line memory)"
