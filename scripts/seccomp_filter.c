/* Regenerate the seccomp filters that the sandbox loads; see scripts/seccomp.sh.
 *
 * Default: allow. What no compiler, test or candidate needs and what would widen the attack surface of the kernel is
 * refused with EPERM; clone3 gets ENOSYS, so that libc falls back to clone, whose flags a filter can read; another
 * architecture's calls end the process.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define SMALL_SEGMENT 4096

static const char *const refused[] = {
    /* other processes */
    "ptrace", "process_vm_readv", "process_vm_writev", "kcmp", "pidfd_getfd", "process_madvise", "process_mrelease",
    "move_pages", "migrate_pages",
    /* wide kernel interfaces */
    "io_uring_setup", "io_uring_enter", "io_uring_register", "bpf", "userfaultfd", "perf_event_open", "keyctl",
    "add_key", "request_key", "memfd_secret", "fanotify_init", "name_to_handle_at", "open_by_handle_at",
    "lookup_dcookie", "modify_ldt", "vhangup", "quotactl", "quotactl_fd", "acct", "syslog", "nfsservctl", "sysfs",
    "_sysctl", "uselib", "ustat",
    /* namespaces and mounts */
    "unshare", "setns", "mount", "umount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree", "fsopen",
    "fsconfig", "fsmount", "fspick", "mount_setattr",
    /* the machine */
    "kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module", "create_module",
    "get_kernel_syms", "query_module", "reboot", "swapon", "swapoff", "sethostname", "setdomainname", "settimeofday",
    "stime", "clock_settime", "clock_settime64", "adjtimex", "clock_adjtime", "clock_adjtime64", "iopl", "ioperm",
};

static const unsigned long namespaces[] = {
    CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWCGROUP,
};

static int refuse_calls(scmp_filter_ctx filter) {
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        int number = seccomp_syscall_resolve_name(refused[i]);
        if (number == __NR_SCMP_ERROR)
            continue; /* newer than the library: unknown to it on every architecture */
        int rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), number, 0);
        if (rc && rc != -EDOM)
            return rc;
    }
    return 0;
}

static int refuse_arguments(scmp_filter_ctx filter) {
    const uint32_t no = SCMP_ACT_ERRNO(EPERM);
    const uint64_t low = 0xffffffffu;
    int rc = 0;
    for (size_t i = 0; i < sizeof namespaces / sizeof *namespaces; i++)
        rc |= seccomp_rule_add(filter, no, SCMP_SYS(clone), 1, SCMP_A0(SCMP_CMP_MASKED_EQ, namespaces[i], namespaces[i]));
    rc |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    rc |= seccomp_rule_add(filter, no, SCMP_SYS(prlimit64), 1, SCMP_A0(SCMP_CMP_NE, 0));
    /* The kernel reads 32 bits of a domain or an ioctl request, so the upper half must not hide a value. */
    rc |= seccomp_rule_add(filter, no, SCMP_SYS(ioctl), 1, SCMP_A1(SCMP_CMP_MASKED_EQ, low, TIOCSTI));
    rc |= seccomp_rule_add(filter, no, SCMP_SYS(ioctl), 1, SCMP_A1(SCMP_CMP_MASKED_EQ, low, 0x541c /* TIOCLINUX */));
    rc |= seccomp_rule_add(filter, no, SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_NE, AF_UNIX));
    rc |= seccomp_rule_add(filter, no, SCMP_SYS(socketpair), 1, SCMP_A0(SCMP_CMP_NE, AF_UNIX));
    return rc;
}

/* Memory that belongs to no process: without a control group nobody would count it. */
static int refuse_uncounted(scmp_filter_ctx filter) {
    const uint32_t no = SCMP_ACT_ERRNO(EPERM);
    int rc = seccomp_rule_add(filter, no, SCMP_SYS(memfd_create), 0);
    rc |= seccomp_rule_add(filter, no, SCMP_SYS(msgget), 0);
    rc |= seccomp_rule_add(filter, no, SCMP_SYS(semget), 0);
    /* PostgreSQL marks its folder as in use by a segment of some bytes. */
    rc |= seccomp_rule_add(filter, no, SCMP_SYS(shmget), 1, SCMP_A1(SCMP_CMP_GT, SMALL_SEGMENT));
    /* The init knows how many sockets there are, and takes each for as large as it is by default. */
    rc |= seccomp_rule_add(filter, no, SCMP_SYS(setsockopt), 2, SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffffu, SOL_SOCKET),
                           SCMP_A2(SCMP_CMP_MASKED_EQ, 0xffffffffu, SO_SNDBUF));
    return rc;
}

int main(int argc, char **argv) {
    if (argc != 4)
        return fprintf(stderr, "usage: seccomp_filter x86_64|aarch64 [zygote-]hard|soft FILE\n"), 2;
    uint32_t architecture = !strcmp(argv[1], "aarch64") ? SCMP_ARCH_AARCH64 : SCMP_ARCH_X86_64;
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    int rc = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    if (architecture != seccomp_arch_native()) {
        rc |= seccomp_arch_add(filter, architecture);
        rc |= seccomp_arch_remove(filter, seccomp_arch_native());
    }
    rc |= seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    rc = rc ? rc : refuse_calls(filter);
    rc = rc ? rc : refuse_arguments(filter);
    if (strstr(argv[2], "soft"))
        rc = rc ? rc : refuse_uncounted(filter);
    if (!rc && strstr(argv[2], "zygote")) /* runs share a network namespace: no abstract socket may join them */
        rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 0);
    int fd = open(argv[3], O_WRONLY | O_CREAT | O_TRUNC, 0644);
    rc = rc ? rc : seccomp_export_bpf(filter, fd);
    if (rc)
        return fprintf(stderr, "seccomp_filter: %s\n", strerror(-rc)), 1;
    return close(fd);
}
