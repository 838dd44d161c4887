#!/usr/bin/env python3
"""Prints the functions that a command and its children execute, in the order of their first calls.

    executed-functions.py PROGRAM COMMAND…

PROGRAM is the static program with its symbols. COMMAND runs it, or a program with the same code. A breakpoint stands on
every function of the text; the first call takes it away, so that each function costs one stop a process. The list goes
to the linker (--symbol-ordering-file), which puts these functions side by side: a start then touches few pages.
"""
import ctypes, os, signal, struct, sys, time

PTRACE_TRACEME, PTRACE_CONT, PTRACE_GETREGS, PTRACE_SETREGS = 0, 7, 12, 13
PTRACE_SETOPTIONS, PTRACE_GETEVENTMSG, PTRACE_DETACH = 0x4200, 0x4201, 17
FORK, VFORK, CLONE, EXEC = 2, 4, 8, 16
EXIT_KILL = 0x100000
WALL = 0x40000000
PROGRAMS = {"berth", "berth-runtime", "berth-monitor"}
RIP = 16  # index of rip in user_regs_struct
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long


def ptrace(request, pid, address=0, data=0):
    return libc.ptrace(request, pid, address, data)


def functions(path):
    """The program's function symbols as address → names, its build id and its bytes by address."""
    image = open(path, "rb").read()
    sections_at, = struct.unpack_from("<Q", image, 0x28)
    size, count, names_index = struct.unpack_from("<HHH", image, 0x3A)
    sections = [struct.unpack_from("<IIQQQQIIQQ", image, sections_at + i * size) for i in range(count)]
    executable = {i for i, s in enumerate(sections) if s[2] & 4}
    found = {}
    for section in sections:
        if section[1] != 2: continue  # SHT_SYMTAB
        strings = sections[section[6]][4]
        for at in range(section[4], section[4] + section[5], 24):
            name, info, _, index, value, _ = struct.unpack_from("<IBBHQQ", image, at)
            if info & 15 not in (2, 10) or index not in executable: continue
            end = image.index(b"\0", strings + name)
            found.setdefault(value, []).append(image[strings + name:end].decode())
    offsets = {}
    for index in executable:
        section = sections[index]
        for address in found:
            if section[3] <= address < section[3] + section[5]:
                offsets[address] = image[address - section[3] + section[4]]
    return found, offsets


def base_of(pid, file):
    """The address that the program's first byte is mapped at, or nothing when the process runs another program."""
    for line in open(f"/proc/{pid}/maps"):
        words = line.split()
        if len(words) >= 6 and os.path.basename(words[5]) in file and words[2] == "00000000":
            return int(words[0].split("-")[0], 16)
    return None


def main():
    program, command = sys.argv[1], sys.argv[2:]
    names, bytes_at = functions(program)
    first = os.fork()
    if first == 0:
        ptrace(PTRACE_TRACEME, 0)
        os.execvp(command[0], command)
    bases, order, seen, started = {}, [], set(), set()

    def arm(pid):
        base = base_of(pid, PROGRAMS)
        bases[pid] = base
        if base is None: return
        with open(f"/proc/{pid}/mem", "r+b", buffering=0) as memory:
            for address in bytes_at:
                memory.seek(base + address)
                memory.write(b"\xcc")

    os.waitpid(first, WALL)
    ptrace(PTRACE_SETOPTIONS, first, 0, FORK | VFORK | CLONE | EXEC | EXIT_KILL)
    arm(first)
    started.add(first)
    ptrace(PTRACE_CONT, first, 0, 0)
    registers = (ctypes.c_ulonglong * 27)()
    ended = None
    while ended is None or time.monotonic() < ended + 2:
        try:
            pid, status = os.waitpid(-1, WALL if ended is None else WALL | os.WNOHANG)
        except ChildProcessError:
            break
        if pid == 0:
            time.sleep(0.01)
            continue
        # A monitor has a little work left after its command; a created container waits for ever and dies with us.
        if pid == first and not os.WIFSTOPPED(status): ended = time.monotonic()
        if not os.WIFSTOPPED(status):
            bases.pop(pid, None)
            continue
        deliver, event, number = 0, status >> 16, os.WSTOPSIG(status)
        if event in (1, 2, 3):
            child = ctypes.c_ulong()
            ptrace(PTRACE_GETEVENTMSG, pid, 0, ctypes.addressof(child))
            bases[child.value] = bases.get(pid)
        elif event == 4:
            arm(pid)
        elif number == signal.SIGSTOP and pid not in started:
            started.add(pid)
        elif number == signal.SIGTRAP:
            ptrace(PTRACE_GETREGS, pid, 0, ctypes.addressof(registers))
            # A child's first stop may come before its parent's word of it.
            if pid not in bases: bases[pid] = base_of(pid, PROGRAMS)
            base = bases[pid]
            address = registers[RIP] - 1 - (base or 0)
            if base is not None and address in bytes_at:
                with open(f"/proc/{pid}/mem", "r+b", buffering=0) as memory:
                    memory.seek(base + address)
                    memory.write(bytes([bytes_at[address]]))
                registers[RIP] -= 1
                ptrace(PTRACE_SETREGS, pid, 0, ctypes.addressof(registers))
                if address not in seen:
                    seen.add(address)
                    order.extend(names[address])
            else:
                deliver = number
        else:
            deliver = number
        ptrace(PTRACE_CONT, pid, 0, deliver)
    print("\n".join(order))


main()
