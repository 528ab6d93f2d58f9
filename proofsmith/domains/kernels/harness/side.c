/* One side of a timing session: map this side's arrays, load its library, run one block per byte on stdin.
 *
 * The library is hostile. Nothing that this process says is believed except "this block is over", and that only
 * together with the contents of the arrays, which the parent checks while every thread of this process is stopped.
 * usage: side LIBRARY ENTRY BYTES REPEATS STRIDE OFFSET... RESULT-OFFSET      stdin: commands; stdout: replies; fd 3: the arrays */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Generated from the contract: call the function with the arguments that `slots` point to or are. */
void proofsmith_call(void *function, void **slots, void *result);

enum { COMMANDS = 100, REPLIES, ARRAYS, FAILED_TO_LOAD = 97, MAX_PARAMETERS = 64 };

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(value) BPF_STMT(BPF_RET | BPF_K, value)
#define REFUSE RETURN(SECCOMP_RET_ERRNO | EPERM)
#define FORBID(name) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1), REFUSE
/* Allowed only when the first argument is this process: signals cannot reach the parent or the other side. */
#define OWN_ONLY(name, pid)                                                                                            \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 4), LOAD(args[0]),                                              \
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, pid, 0, 1), RETURN(SECCOMP_RET_ALLOW), REFUSE

/* Threads stay possible, since their time is charged; processes, whose time would not be, are refused. */
static int confine(void) {
#ifdef ARCHITECTURE
    uint32_t self = (uint32_t)getpid();
    struct sock_filter program[] = {
        LOAD(arch), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0), REFUSE, LOAD(nr),
#ifdef __x86_64__
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000u, 0, 1), REFUSE, FORBID(fork), FORBID(vfork),
#endif
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1), RETURN(SECCOMP_RET_ERRNO | ENOSYS),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 4), LOAD(args[0]),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 0, 1), RETURN(SECCOMP_RET_ALLOW), REFUSE,
        FORBID(execve), FORBID(execveat), FORBID(ptrace), FORBID(process_vm_readv), FORBID(process_vm_writev),
        FORBID(pidfd_open), FORBID(pidfd_send_signal), FORBID(pidfd_getfd), FORBID(tkill), FORBID(rt_sigqueueinfo),
        FORBID(sched_setaffinity), FORBID(sched_setscheduler), FORBID(sched_setattr), FORBID(sched_setparam),
        FORBID(setpriority), FORBID(unshare), FORBID(setns), FORBID(perf_event_open), FORBID(bpf), FORBID(userfaultfd),
        FORBID(io_uring_setup), FORBID(setpgid), FORBID(setsid), FORBID(socket), FORBID(shmget),
        OWN_ONLY(kill, self), OWN_ONLY(tgkill, self), RETURN(SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {.len = sizeof program / sizeof *program, .filter = program};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
#else
    return 0;
#endif
}

/* Keep only the two pipes, out of the way of code that writes to the standard streams. */
static void rearrange(void) {
    int null = open("/dev/null", O_RDWR);
    if (null < 0 || dup2(0, COMMANDS) < 0 || dup2(1, REPLIES) < 0 || dup2(3, ARRAYS) < 0) _exit(FAILED_TO_LOAD);
    for (int fd = 0; fd < 3; fd++) dup2(null, fd);
    for (int fd = 3; fd < 1024; fd++)
        if (fd < COMMANDS || fd > ARRAYS) close(fd);
}

int main(int argc, char **argv) {
    size_t offset[MAX_PARAMETERS] = {0};
    void *slots[MAX_PARAMETERS];
    int count = argc - 6; /* the last one is the result */
    if (count < 1 || count > MAX_PARAMETERS) return FAILED_TO_LOAD;
    size_t bytes = strtoull(argv[3], 0, 10), repeats = strtoull(argv[4], 0, 10), stride = strtoull(argv[5], 0, 10);
    for (int i = 6; i < argc; i++) offset[i - 6] = strtoull(argv[i], 0, 10);
    rearrange();
    char *arrays = mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ARRAYS, 0);
    close(ARRAYS);
    prctl(PR_SET_DUMPABLE, 0);
    if (arrays == MAP_FAILED || confine()) return FAILED_TO_LOAD;
    void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    void *entry = library ? dlsym(library, argv[2]) : 0;
    char byte = 'r';
    if (!entry || write(REPLIES, &byte, 1) != 1) _exit(FAILED_TO_LOAD);
    while (read(COMMANDS, &byte, 1) == 1) {
        char *end = arrays + (byte == 'w' ? 1 : repeats) * stride; /* a warm-up is one call */
        for (char *slot = arrays; slot < end; slot += stride) {
            for (int i = 0; i < count; i++) slots[i] = slot + offset[i];
            proofsmith_call(entry, slots, slots[count - 1]);
        }
        if (write(REPLIES, &byte, 1) != 1) break;
    }
    _exit(0);
}
