/* Runs one side of a differential test: loads a kernel, calls it on the inputs of a job, reports what it wrote.
 *
 * usage: runner LIBRARY SYMBOL JOB OUT
 *
 * Nothing here decides whether a result is right: the bytes go to OUT and are judged in another process, which alone
 * holds the reference. The layout of JOB and OUT is described in jobs.py. Compiled together with a generated
 * `proofsmith_call`, which knows the signature. With -DSANITIZED buffers come from malloc, so that their red zones are
 * watched; otherwise each lies between two inaccessible pages. With -DCOVERAGE it also reports the basic blocks that ran,
 * and which of them last changed the bytes that WATCH names (parameter, offset, bytes) of the last call.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fenv.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

typedef uint64_t u64;
void proofsmith_call(void *function, void **slots, void *result);

enum { RESULT = 1, VIOLATION = 2, FAULT = 3, END = 4, BLOCKS = 5, WRITER = 6 };
enum { WROTE_INPUT = 1, WROTE_OUTSIDE, FP_CONTROL, SIGNAL_MASK, SIGNAL_HANDLER, THREADS, LATE_WRITE, CPU_FLAGS };
enum { IN = 0, OUT = 1, INOUT = 2 };
enum { MAXIMUM_PARAMETERS = 64, PAGE = 4096, CANARY = 0xA5, SCRIBBLE = 96 * 1024 };

struct header { u64 magic, calls, parameters, rounding, threads, poison; };
struct parameter { u64 pointer, capacity, align; };
struct argument { u64 value, access, offset, alias; };
struct area { unsigned char *map, *low, *data, *first, *last; size_t mapped, room, bytes; };

static const struct header *job;
static const struct parameter *parameters;
static const unsigned char *file;
static struct area sets[2][MAXIMUM_PARAMETERS], *areas = sets[0];
static int out_fd, tasks_fd = -1;
static u64 current_call;
static struct sigaction handlers[65];
static sigset_t mask_before;

static void put(const void *data, size_t bytes) {
    const char *at = data;
    while (bytes > 0) {
        ssize_t done = write(out_fd, at, bytes);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) _exit(70);
        at += done, bytes -= (size_t)done;
    }
}

static void frame(u64 tag, u64 a, u64 b, u64 bytes) {
    u64 words[5] = {tag, current_call, a, b, bytes};
    put(words, sizeof words);
}

static void stop(const char *why) {
    fprintf(stderr, "runner: %s\n", why);
    _exit(71);
}

static void on_fault(int signal, siginfo_t *info, void *context) {
    u64 where = 0, parameter = MAXIMUM_PARAMETERS;
    (void)context;
    if (signal == SIGSYS) where = (u64)info->si_syscall;
    for (u64 i = 0; signal != SIGSYS && i < job->parameters; i++) {
        unsigned char *address = info->si_addr;
        if (areas[i].map && address >= areas[i].map && address < areas[i].map + areas[i].mapped)
            parameter = i, where = (u64)(address - areas[i].data);
    }
    frame(FAULT, (u64)signal | parameter << 8, where, 0);
    _exit(72);
}

static void catch_faults(void) {
    static unsigned char stack[1 << 16];
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction action = {.sa_flags = SA_SIGINFO | SA_ONSTACK};
    const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGSYS};
    action.sa_sigaction = on_fault;
    sigaltstack(&alternate, NULL);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
#ifdef SANITIZED
        if (signals[i] != SIGSYS) continue;
#endif
        sigaction(signals[i], &action, NULL);
    }
}

/* After loading, a kernel may compute, allocate and, with OpenMP, start threads: no files, clocks, handlers. */
static void confine(void) {
#ifndef SANITIZED
    static const int allowed[] = {
        SYS_write, SYS_mmap, SYS_munmap, SYS_mprotect, SYS_mremap, SYS_brk, SYS_madvise, SYS_futex, SYS_sched_yield,
        SYS_clone, SYS_clone3, SYS_set_robust_list, SYS_rseq, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_exit,
        SYS_exit_group, SYS_gettid, SYS_getpid, SYS_sched_getaffinity, SYS_prlimit64, SYS_clock_nanosleep,
        SYS_getrandom, SYS_rt_sigaction, SYS_getdents64, SYS_lseek, SYS_sigaltstack, SYS_restart_syscall, SYS_sysinfo,
    };
    enum { COUNT = sizeof allowed / sizeof *allowed };
    struct sock_filter code[COUNT * 2 + 6];
    unsigned n = 0;
    /* Numbers mean something else to a 32-bit entry into the kernel: refuse those first. */
    code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
    code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (unsigned i = 0; i < COUNT; i++) {
        code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)allowed[i], 0, 1);
        code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    }
    /* OpenMP runtimes look at /proc and /sys on first use and live without an answer. */
    unsigned refusal = job->threads ? SECCOMP_RET_ERRNO | EPERM : SECCOMP_RET_TRAP;
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, refusal);
    struct sock_fprog program = {.len = (unsigned short)n, .filter = code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
        stop("cannot confine the kernel");
#endif
}

/* Without OpenMP, whose runtimes look at it, the time stamp counter is out of reach too. */
static void stop_clocks(void) {
#ifndef SANITIZED
    if (!job->threads) prctl(PR_SET_TSC, PR_TSC_SIGSEGV, 0, 0, 0);
#endif
}

#ifdef COVERAGE
enum { CODE = 4 << 20 };
static unsigned char blocks[CODE];
static uintptr_t load_address;

enum { WATCHED = 16 };
static u64 watch_parameter, watch_offset, watch_bytes, running, writer, changes;
static unsigned char *watched, seen[WATCHED];

static void read_watch(void) {
    const char *text = getenv("WATCH");
    unsigned long long parameter, offset, bytes;
    if (!text || sscanf(text, "%llu %llu %llu", &parameter, &offset, &bytes) != 3 || bytes > WATCHED) return;
    watch_parameter = parameter, watch_offset = offset, watch_bytes = bytes;
}

static void watch_from(void *array) {
    if (!watch_bytes) return;
    watched = (unsigned char *)array + watch_offset;
    memcpy(seen, watched, watch_bytes);
    running = writer = changes = 0;
}

/* What changed since a block began was changed by that block. */
static void look(void) {
    if (!watched || !memcmp(seen, watched, watch_bytes)) return;
    memcpy(seen, watched, watch_bytes);
    writer = running, changes++;
}

/* Called by the instrumented kernel at the start of every basic block. */
void __sanitizer_cov_trace_pc(void) {
    uintptr_t offset = (uintptr_t)__builtin_return_address(0) - load_address;
    look();
    running = offset;
    if (offset < CODE) blocks[offset] = 1;
}

static void report_blocks(void) {
    u64 count = 0;
    for (u64 i = 0; i < CODE; i++) count += blocks[i];
    frame(BLOCKS, count, 0, count * 8);
    for (u64 i = 0; i < CODE; i++)
        if (blocks[i]) put(&i, 8);
}
#endif

static u64 fp_control(void) {
    unsigned mxcsr;
    unsigned short x87;
    __asm__ volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(mxcsr), "=m"(x87));
    return (mxcsr & 0xFFC0u) | (u64)x87 << 32;
}

static u64 cpu_flags(void) {
    u64 flags;
    __asm__ volatile("pushfq\n\tpopq %0" : "=r"(flags));
    return flags & (1u << 10 | 1u << 18);
}

static unsigned tasks(void) {
    char buffer[4096];
    unsigned count = 0;
    long bytes;
    if (tasks_fd < 0) return 1;
    lseek(tasks_fd, 0, SEEK_SET);
    while ((bytes = syscall(SYS_getdents64, tasks_fd, buffer, sizeof buffer)) > 0)
        for (long at = 0; at < bytes; at += *(unsigned short *)(buffer + at + 16))
            count += buffer[at + 19] != '.';
    return count;
}

/* Two sets of arrays, laid out in opposite order, so that nothing can depend on which of two lies higher. */
static void allocate(void) {
    for (u64 k = 0; k < 2 * job->parameters; k++) {
        u64 i = k < job->parameters ? k : 2 * job->parameters - 1 - k;
        struct area *area = &sets[k >= job->parameters][i];
        if (!parameters[i].pointer) continue;
        area->room = (parameters[i].capacity + PAGE - 1) / PAGE * PAGE + PAGE;
        area->mapped = area->room + 2 * PAGE;
        area->map = mmap(NULL, area->mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (area->map == MAP_FAILED) stop("out of memory");
        area->low = area->map + PAGE;
    }
}

#ifndef SANITIZED
static void protect(const struct area *area, int protection) {
    if (area->last > area->first && mprotect(area->first, (size_t)(area->last - area->first), protection))
        stop("cannot protect an array");
}
#endif

/* Put an array flush against the upper or the lower inaccessible page, as far as its alignment allows. */
static void place(u64 i, size_t bytes, u64 low) {
    struct area *area = &areas[i];
    size_t align = parameters[i].align;
    area->bytes = bytes;
#ifdef SANITIZED
    (void)low;
    free(area->data);
    area->data = align > 16 ? aligned_alloc(align, (bytes + align) / align * align) : malloc(bytes ? bytes : 1);
    if (!area->data) stop("out of memory");
#else
    area->data = low ? area->low : area->low + (area->room - bytes) / align * align;
    area->first = area->low + (size_t)(area->data - area->low) / PAGE * PAGE;
    area->last = area->low + ((size_t)(area->data + bytes - area->low) + PAGE - 1) / PAGE * PAGE;
    mprotect(area->low, area->room, PROT_NONE);
    protect(area, PROT_READ | PROT_WRITE);
    memset(area->first, CANARY, (size_t)(area->data - area->first));
    memset(area->data + bytes, CANARY, (size_t)(area->last - area->data) - bytes);
#endif
}

static void fill(u64 i, const struct argument *argument) {
    if (argument->access == OUT) memset(areas[i].data, (int)job->poison, areas[i].bytes);
    else if (areas[i].bytes) memcpy(areas[i].data, file + argument->offset, areas[i].bytes);
}

static int shared(const struct argument *arguments, u64 i) {
    for (u64 k = 0; k < job->parameters; k++)
        if (arguments[k].alias == i + 1) return 1;
    return arguments[i].alias != 0;
}

static void prepare(const struct argument *arguments, u64 low, void **slots) {
    for (u64 i = 0; i < job->parameters; i++) {
        if (!parameters[i].pointer) slots[i] = (void *)&arguments[i].value;
        else if (!arguments[i].alias) place(i, arguments[i].value, low), fill(i, &arguments[i]);
    }
    for (u64 i = 0; i < job->parameters; i++) {
        if (!parameters[i].pointer) continue;
        u64 home = arguments[i].alias ? arguments[i].alias - 1 : i;
        if (home != i) {
            areas[i].data = areas[home].data, areas[i].bytes = arguments[i].value;
            if (arguments[i].access != OUT) fill(i, &arguments[i]);
        }
        slots[i] = areas[home].data;
    }
#ifndef SANITIZED
    for (u64 i = 0; i < job->parameters; i++)
        if (parameters[i].pointer && arguments[i].access == IN && !shared(arguments, i))
            protect(&areas[i], PROT_READ);
#endif
}

static void violation(u64 kind, u64 detail) { frame(VIOLATION, kind, detail, 0); }

static void check_arrays(const struct argument *arguments) {
    for (u64 i = 0; i < job->parameters; i++) {
        if (!parameters[i].pointer || arguments[i].alias) continue;
        struct area *area = &areas[i];
        if (arguments[i].access == IN && !shared(arguments, i) && area->bytes &&
            memcmp(area->data, file + arguments[i].offset, area->bytes))
            violation(WROTE_INPUT, i);
#ifndef SANITIZED
        for (unsigned char *p = area->first; p < area->data; p++)
            if (*p != CANARY) { violation(WROTE_OUTSIDE, i); break; }
        for (unsigned char *p = area->data + area->bytes; p < area->last; p++)
            if (*p != CANARY) { violation(WROTE_OUTSIDE, i); break; }
#endif
    }
}

static unsigned char *snapshot;
static size_t snapshot_room;

static size_t take(const struct argument *arguments, int compare) {
    size_t bytes = 0;
    for (u64 i = 0; i < job->parameters; i++) {
        if (!parameters[i].pointer || arguments[i].access == IN) continue;
        if (compare && memcmp(snapshot + bytes, areas[i].data, areas[i].bytes)) return 1;
        if (!compare && areas[i].bytes) memcpy(snapshot + bytes, areas[i].data, areas[i].bytes);
        bytes += areas[i].bytes;
    }
    return compare ? 0 : bytes;
}

static void pause_us(long microseconds) {
    struct timespec span = {.tv_nsec = microseconds * 1000};
    nanosleep(&span, NULL);
}

static void check_state(u64 control, unsigned tasks_before) {
    sigset_t mask;
    if (fp_control() != control) violation(FP_CONTROL, 0);
    if (cpu_flags()) violation(CPU_FLAGS, 0);
    sigprocmask(SIG_BLOCK, NULL, &mask);
    if (memcmp(&mask, &mask_before, 8)) violation(SIGNAL_MASK, 0);
    if (!job->threads && tasks() > tasks_before) violation(THREADS, tasks());
}

static void check_handlers(void) {
    for (int s = 1; s <= 64; s++) {
        struct sigaction now;
        if (s == 32 || s == 33 || sigaction(s, NULL, &now)) continue;
        if (now.sa_sigaction != handlers[s].sa_sigaction) violation(SIGNAL_HANDLER, (u64)s);
    }
}

/* Leave nothing of the last call where the next one might read it without having written it. */
static __attribute__((noinline)) void scribble(void) {
    volatile unsigned char below[SCRIBBLE];
    memset((void *)below, 0xA5, sizeof below);
    __asm__ volatile("" ::"r"(below) : "memory");
}

static void call(void *function, const u64 *words, u64 control, unsigned tasks_before) {
    const struct argument *arguments = (const struct argument *)(words + 1);
    void *slots[MAXIMUM_PARAMETERS];
    u64 result = 0;
    areas = sets[words[0] != 0];
    prepare(arguments, words[0], slots);
    scribble();
    fesetround((int)job->rounding);
#ifdef COVERAGE
    watch_from(slots[watch_parameter]);
#endif
    proofsmith_call(function, slots, &result);
#ifdef COVERAGE
    look();
    watched = NULL;
#endif
    size_t bytes = take(arguments, 0);
    if (job->rounding == FE_TONEAREST) check_state(control, tasks_before);
    fesetenv(FE_DFL_ENV);
    check_arrays(arguments);
    if (tasks() > 1) {
        pause_us(300);
        if (take(arguments, 1)) violation(LATE_WRITE, 0);
    }
    frame(RESULT, result, 0, bytes);
    put(snapshot, bytes);
}

int main(int argc, char **argv) {
    struct stat status;
    if (argc != 5) return 64;
    int fd = open(argv[3], O_RDONLY);
    out_fd = open(argv[4], O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || out_fd < 0 || fstat(fd, &status)) stop("cannot open the job");
    file = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (file == MAP_FAILED) stop("cannot read the job");
    job = (const struct header *)file;
    parameters = (const struct parameter *)(job + 1);
    for (u64 i = 0; i < job->parameters; i++) snapshot_room += parameters[i].capacity;
    snapshot = malloc(snapshot_room + 1);
    if (!snapshot) stop("out of memory");
    allocate();
    tasks_fd = open("/proc/self/task", O_RDONLY | O_DIRECTORY);
    catch_faults();
    for (int s = 1; s <= 64; s++) sigaction(s, NULL, &handlers[s]);
    sigprocmask(SIG_BLOCK, NULL, &mask_before);
    u64 control = fp_control();
    void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (!library) stop(dlerror());
    void *function = dlsym(library, argv[2]);
    if (!function) stop("the library lacks the entry");
#ifdef COVERAGE
    Dl_info where;
    if (!dladdr(function, &where)) stop("cannot locate the kernel");
    load_address = (uintptr_t)where.dli_fbase;
    read_watch();
#endif
    if (fp_control() != control) violation(FP_CONTROL, 1);
    unsigned tasks_before = tasks();
    stop_clocks();
    confine();
    const u64 *at = (const u64 *)(parameters + job->parameters);
    for (current_call = 0; current_call < job->calls; current_call++) {
        call(function, at, control, tasks_before);
        at += 1 + 4 * job->parameters;
    }
    current_call = job->calls;
    check_handlers();
#ifdef COVERAGE
    report_blocks();
    if (watch_bytes) frame(WRITER, writer, changes, 0);
#endif
    frame(END, job->magic, 0, 0);
    _exit(0);
}
