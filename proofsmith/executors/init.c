/* Trusted start and process 1 of every sandboxed execution.
 *
 *   init outer [-g CGROUP_PROCS]... [-b SOURCE -i MOUNT_POINT]... [-u UID] [-c CPU] -- PROGRAM ...
 *     joins cgroups, shows inputs that only root can reach at a place that everyone can, drops root, pins the CPU,
 *     empties the environment and executes PROGRAM (bubblewrap).
 *
 *   init inner -f FILES_FD -r REPORT_FD -w WALL_MS -t CPU_S -s FILE_BYTES [-p PROCESSES] [-a ADDRESS_BYTES]
 *              [-m MEMORY_BYTES] [-l OUTPUT_BYTES] [-d CWD] [-o OUTPUT]... [-e NAME=VALUE]... -- PAYLOAD ...
 *     is process 1 of the sandbox: unpacks the staged files, runs PAYLOAD under resource limits, kills whatever
 *     is left when PAYLOAD ends, and reports the raw wait status and the wanted files over a private descriptor.
 *
 *   init mux [-n SECONDS] OPTIONS -- PAYLOAD ...
 *     is `inner` where only standard streams reach the caller, as in a container: standard input carries the seccomp
 *     filter, the staged files and the payload's input, each after its size in 8 bytes (all ones: the rest of standard
 *     input is the payload's); standard output carries the report, in which 'o' and 'e', a size in 4 bytes and data are
 *     what the payload wrote. When standard input is hung up, the payload is killed. What does not come within SECONDS
 *     never comes: a daemon that was killed can leave a container behind that nobody knows any more.
 *
 * Report records, native byte order: 'B' once the payload is about to start; one struct status after 'S'; for every
 * -o one struct output after 'O', then its data; 'E'. A report without 'E' is a failure of the machinery.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SCRATCH "/tmp"
#define WORK "/tmp/job"
#define SHARED_MEMORY "/tmp/.shm"
#define LONGEST_NAME 4096
#define LONGEST_FILTER 4096
#define MOST_FILES 65536 /* without a control group, which counts their memory */
#define SOCKET_KIB 208   /* the most that an unread socket holds by the default of net.core.wmem_default */
#define POLL_NS 50000000L

enum { OUTPUT_ABSENT = 0, OUTPUT_FILE = 1, OUTPUT_TAMPERED = 2 };
enum { ENDED_ITSELF = 0, ENDED_WALL = 1, ENDED_MEMORY = 2, ENDED_DISK = 3 };

struct status {
    int32_t wait_status;
    int32_t ended_by;
    int64_t wall_ns;
    int64_t cpu_ns;
    int64_t peak_kib;
    int64_t free_bytes; /* of the scratch file system when the payload had ended */
};

struct output {
    uint32_t index;
    uint32_t state;
    uint64_t size;
};

struct staged {
    uint32_t mode;
    uint32_t name_length;
    uint64_t size;
};

struct plan {
    int files, report, cpu;
    unsigned handover_s;
    long wall_ms, cpu_s, processes;
    unsigned long long file_bytes, address_bytes, memory_bytes, output_bytes;
    const char *cwd;
    char **outputs, **environment, **payload;
    int output_count, environment_count;
    int streams[2]; /* read ends of the payload's output in `mux`, else -1 */
    int owner;      /* whose hang-up means that nobody waits for the result any more, or -1 */
};

static _Noreturn void die(const char *what) {
    dprintf(2, "sandbox init: %s: %s\n", what, strerror(errno));
    _exit(125);
}

static void send_all(int fd, const void *data, size_t size) {
    const char *at = data;
    while (size > 0) {
        ssize_t sent = write(fd, at, size);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            die("report");
        at += sent;
        size -= (size_t)sent;
    }
}

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* ---------------------------------------------------------------- outer */

static void join_group(const char *procs) {
    int fd = open(procs, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, "0", 1) != 1)
        die(procs);
    close(fd);
}

static void drop_root(uid_t uid) {
    if (setgroups(0, NULL) || setresgid(uid, uid, uid) || setresuid(uid, uid, uid))
        die("drop root");
}

static void bind_input(const char *source, const char *mount_point) {
    if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) ||
        mount(source, mount_point, NULL, MS_BIND | MS_REC, NULL))
        die(source);
}

static void pin(int cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    if (sched_setaffinity(0, sizeof set, &set))
        die("set affinity");
}

static int outer(int argc, char **argv) {
    char *no_environment[] = {NULL};
    const char *source = "";
    int option;
    while ((option = getopt(argc, argv, "+g:b:i:u:c:")) != -1) {
        if (option == 'g')
            join_group(optarg);
        else if (option == 'b')
            source = optarg;
        else if (option == 'i')
            bind_input(source, optarg);
        else if (option == 'u')
            drop_root((uid_t)atol(optarg));
        else if (option == 'c')
            pin(atoi(optarg));
        else
            return 125;
    }
    execve(argv[optind], argv + optind, no_environment);
    die(argv[optind]);
}

/* ---------------------------------------------------------------- inner: files */

static void read_at(int fd, void *data, size_t size, off_t *at) {
    char *to = data;
    while (size > 0) {
        ssize_t got = pread(fd, to, size, *at);
        if (got <= 0)
            die("read staged files");
        to += got;
        *at += got;
        size -= (size_t)got;
    }
}

static void make_parents(char *name) {
    for (char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        if (mkdir(name, 0700) && errno != EEXIST)
            die(name);
        *slash = '/';
    }
}

/* False when the file system is full: the disk limit is too small for the files themselves. */
static int unpack_one(int files, const struct staged *file, char *name, off_t *at) {
    make_parents(name);
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, file->mode);
    if (fd < 0)
        return 0;
    uint64_t left = file->size;
    while (left > 0) {
        ssize_t sent = sendfile(fd, files, at, left);
        if (sent <= 0)
            return 0;
        left -= (uint64_t)sent;
    }
    close(fd);
    return 1;
}

/* False when the scratch file system cannot hold the staged files. */
static int unpack(int files) {
    struct stat about;
    struct staged file;
    char name[LONGEST_NAME + 1];
    off_t at = 0;
    if (fstat(files, &about))
        die("staged files");
    while (at < about.st_size) {
        read_at(files, &file, sizeof file, &at);
        if (file.name_length > LONGEST_NAME)
            die("staged name");
        read_at(files, name, file.name_length, &at);
        name[file.name_length] = 0;
        if (!unpack_one(files, &file, name, &at))
            return 0;
    }
    return 1;
}

/* Open `name` below the work directory without following any link; -1 with errno otherwise. */
static int open_beneath(const char *name) {
    char part[LONGEST_NAME + 1];
    int directory = open(WORK, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    while (directory >= 0) {
        const char *slash = strchr(name, '/');
        size_t length = slash ? (size_t)(slash - name) : strlen(name);
        memcpy(part, name, length);
        part[length] = 0;
        int kind = slash ? O_DIRECTORY : O_NONBLOCK | O_NOCTTY;
        int fd = openat(directory, part, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | kind);
        int reason = errno;
        close(directory);
        errno = reason;
        if (!slash || fd < 0)
            return fd;
        directory = fd;
        name = slash + 1;
    }
    return -1;
}

static void send_output(const struct plan *plan, uint32_t index, unsigned long long *left) {
    struct output record = {index, OUTPUT_ABSENT, 0};
    struct stat about;
    int fd = open_beneath(plan->outputs[index]);
    if (fd < 0) {
        record.state = errno == ENOENT ? OUTPUT_ABSENT : OUTPUT_TAMPERED;
    } else if (fstat(fd, &about) || !S_ISREG(about.st_mode) || (unsigned long long)about.st_size > *left) {
        record.state = OUTPUT_TAMPERED;
    } else {
        record.state = OUTPUT_FILE;
        record.size = (uint64_t)about.st_size;
        *left -= record.size;
    }
    send_all(plan->report, "O", 1);
    send_all(plan->report, &record, sizeof record);
    for (uint64_t sent = 0; sent < record.size;) {
        char block[65536];
        uint64_t want = record.size - sent < sizeof block ? record.size - sent : sizeof block;
        ssize_t got = read(fd, block, want);
        if (got <= 0)
            die("read output");
        send_all(plan->report, block, (size_t)got);
        sent += (uint64_t)got;
    }
    if (fd >= 0)
        close(fd);
}

/* ---------------------------------------------------------------- inner: payload */

static void limit(int what, unsigned long long soft, unsigned long long hard) {
    struct rlimit value = {soft, hard};
    if (setrlimit(what, &value))
        die("set limit");
}

/* A fork server runs Python programs in the interpreter that it already is; see zygote.c. */
static int plan_for_interpreter, payload_returned;

static int for_interpreter(const struct plan *plan) {
    return plan_for_interpreter && plan->payload[0] && !strcmp(plan->payload[0], "python3");
}

/* Does not return, but for a payload that the interpreter is to run. */
static void start_payload(const struct plan *plan) {
    sigset_t none;
    limit(RLIMIT_CORE, 1, 1); /* no core, and other than with 0 the kernel starts no handler on the host either */
    limit(RLIMIT_NOFILE, 256, 256);
    limit(RLIMIT_FSIZE, plan->file_bytes, plan->file_bytes);
    limit(RLIMIT_CPU, (rlim_t)plan->cpu_s, (rlim_t)plan->cpu_s + 1);
    if (plan->processes)
        limit(RLIMIT_NPROC, (rlim_t)plan->processes, (rlim_t)plan->processes);
    if (plan->address_bytes)
        limit(RLIMIT_AS, plan->address_bytes, plan->address_bytes);
    if (chdir(plan->cwd)) {
        dprintf(2, "%s: %s\n", plan->cwd, strerror(errno));
        _exit(127);
    }
    syscall(SYS_close_range, 3, ~0U, 0);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (for_interpreter(plan)) {
        payload_returned = 1;
        return;
    }
    environ = plan->environment;
    execvp(plan->payload[0], plan->payload);
    dprintf(2, "%s: %s\n", plan->payload[0], strerror(errno));
    _exit(errno == ENOENT ? 127 : 126);
}

/* Number after `label` in a file of /proc, 0 when there is none. */
static unsigned long long number_in(const char *path, const char *label) {
    char line[256];
    unsigned long long number = 0;
    size_t length = strlen(label);
    FILE *file = fopen(path, "re");
    while (file && !number && fgets(line, sizeof line, file))
        if (!strncmp(line, label, length))
            number = strtoull(line + length, NULL, 10);
    if (file)
        fclose(file);
    return number;
}

/* Resident memory in KiB as any thread of a process shows it: the first one may have ended before the others. */
static unsigned long long resident_kib(const char *pid) {
    char path[600];
    unsigned long long size, resident = 0;
    snprintf(path, sizeof path, "/proc/%s/task", pid);
    DIR *all = opendir(path);
    for (struct dirent *entry; all && !resident && (entry = readdir(all));) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "/proc/%s/task/%s/statm", pid, entry->d_name);
        FILE *file = fopen(path, "re");
        if (file && fscanf(file, "%llu %llu", &size, &resident) != 2)
            resident = 0;
        if (file)
            fclose(file);
    }
    if (all)
        closedir(all);
    return resident * ((unsigned long long)sysconf(_SC_PAGESIZE) / 1024);
}

/* Memory of one process in KiB: its share of what it maps, or all of it when it hides its share. */
static unsigned long long memory_kib(const char *pid) {
    char path[300];
    snprintf(path, sizeof path, "/proc/%s/smaps_rollup", pid);
    unsigned long long share = number_in(path, "Pss:");
    return share ? share : resident_kib(pid);
}

/* Memory of every process of this namespace but ours, and what its sockets may hold, in bytes. */
static unsigned long long memory_in_use(void) {
    unsigned long long kib = number_in("/proc/self/net/sockstat", "sockets: used") * SOCKET_KIB;
    DIR *all = opendir("/proc");
    for (struct dirent *entry; all && (entry = readdir(all));)
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && strcmp(entry->d_name, "1"))
            kib += memory_kib(entry->d_name);
    if (all)
        closedir(all);
    return kib * 1024;
}

static int too_many_files(void) {
    struct statfs scratch;
    return !statfs(SCRATCH, &scratch) && scratch.f_files - scratch.f_ffree > MOST_FILES;
}

/* What a control group would have counted; polled, therefore softer. */
static int over_soft_limit(const struct plan *plan) {
    if (!plan->memory_bytes)
        return ENDED_ITSELF;
    if (too_many_files())
        return ENDED_DISK;
    return memory_in_use() > plan->memory_bytes ? ENDED_MEMORY : ENDED_ITSELF;
}

static int nobody_listens(const struct plan *plan) {
    struct pollfd watched[2] = {{.fd = plan->report}, {.fd = plan->owner}};
    return poll(watched, 2, 0) > 0 && ((watched[0].revents & POLLERR) || (watched[1].revents & POLLHUP));
}

/* Pass on what the payload has written; false when there was nothing. */
static int relay(const struct plan *plan) {
    char block[65536];
    int any = 0;
    for (int i = 0; i < 2; i++) {
        ssize_t got = plan->streams[i] < 0 ? 0 : read(plan->streams[i], block, sizeof block);
        if (got <= 0)
            continue;
        uint32_t size = (uint32_t)got;
        send_all(plan->report, i == 0 ? "o" : "e", 1);
        send_all(plan->report, &size, sizeof size);
        send_all(plan->report, block, size);
        any = 1;
    }
    return any;
}

/* Wait for a child's end, for output to relay, or for `ns` to pass. */
static void wait_a_while(const struct plan *plan, const sigset_t *child, int64_t ns) {
    struct timespec pause = {ns / 1000000000LL, ns % 1000000000LL};
    if (plan->streams[0] < 0) {
        sigtimedwait(child, NULL, &pause);
        return;
    }
    struct pollfd watched[3] = {{plan->streams[0], POLLIN, 0}, {plan->streams[1], POLLIN, 0}, {plan->owner, 0, 0}};
    sigset_t all_but_child;
    sigprocmask(SIG_SETMASK, NULL, &all_but_child);
    sigdelset(&all_but_child, SIGCHLD);
    ppoll(watched, 3, &pause, &all_but_child);
    relay(plan);
}

/* Reap children until `payload` ends; kill it at the wall limit, or above the polled memory limit. */
static int wait_for(pid_t payload, const struct plan *plan, int64_t deadline, int *ended_by) {
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    for (;;) {
        int status;
        for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
            if (pid == payload)
                return status;
        int64_t left = deadline - now_ns();
        if (*ended_by == ENDED_ITSELF && (left <= 0 || nobody_listens(plan)))
            *ended_by = ENDED_WALL;
        else if (*ended_by == ENDED_ITSELF) /* the reason stays, though the use falls once all are killed */
            *ended_by = over_soft_limit(plan);
        if (*ended_by) {
            kill(-1, SIGKILL);
            left = POLL_NS;
        }
        if ((plan->memory_bytes || plan_for_interpreter) && left > POLL_NS)
            left = POLL_NS;
        wait_a_while(plan, &child, left);
    }
}

static void kill_the_rest(void) {
    do
        kill(-1, SIGKILL);
    while (waitpid(-1, NULL, 0) > 0 || errno == EINTR);
}

static int64_t nanoseconds(struct timeval t) { return t.tv_sec * 1000000000LL + t.tv_usec * 1000LL; }

static void run(const struct plan *plan) {
    struct status status = {0};
    struct rusage used;
    struct statfs scratch;
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, NULL);
    int64_t start = now_ns();
    pid_t payload = fork();
    if (payload == 0) {
        start_payload(plan);
        return;
    }
    if (payload < 0)
        die("fork");
    status.wait_status = wait_for(payload, plan, start + plan->wall_ms * 1000000LL, &status.ended_by);
    status.wall_ns = now_ns() - start;
    kill_the_rest();
    while (relay(plan))
        continue;
    getrusage(RUSAGE_CHILDREN, &used);
    status.cpu_ns = nanoseconds(used.ru_utime) + nanoseconds(used.ru_stime);
    status.peak_kib = used.ru_maxrss;
    if (!statfs(SCRATCH, &scratch))
        status.free_bytes = (int64_t)scratch.f_bavail * scratch.f_bsize;
    send_all(plan->report, "S", 1);
    send_all(plan->report, &status, sizeof status);
}

static void refuse(const struct plan *plan) {
    struct status status = {.ended_by = ENDED_DISK};
    send_all(plan->report, "S", 1);
    send_all(plan->report, &status, sizeof status);
}

static void parse(struct plan *plan, int argc, char **argv) {
    int option;
    while ((option = getopt(argc, argv, "+f:r:c:n:w:t:s:p:a:m:l:d:o:e:")) != -1) {
        switch (option) {
        case 'f': plan->files = atoi(optarg); break;
        case 'r': plan->report = atoi(optarg); break;
        case 'n': plan->handover_s = (unsigned)atoi(optarg); break;
        case 'w': plan->wall_ms = atol(optarg); break;
        case 't': plan->cpu_s = atol(optarg); break;
        case 's': plan->file_bytes = strtoull(optarg, NULL, 10); break;
        case 'p': plan->processes = atol(optarg); break;
        case 'a': plan->address_bytes = strtoull(optarg, NULL, 10); break;
        case 'm': plan->memory_bytes = strtoull(optarg, NULL, 10); break;
        case 'l': plan->output_bytes = strtoull(optarg, NULL, 10); break;
        case 'c': plan->cpu = atoi(optarg); break;
        case 'd': plan->cwd = optarg; break;
        case 'o': plan->outputs[plan->output_count++] = optarg; break;
        case 'e': plan->environment[plan->environment_count++] = optarg; break;
        default: _exit(125);
        }
    }
    plan->payload = argv + optind;
}

static struct plan new_plan(int words) {
    struct plan plan = {.files = -1, .report = -1, .cpu = -1, .cwd = ".", .streams = {-1, -1}, .owner = -1};
    plan.outputs = calloc((size_t)words + 1, sizeof(char *));
    plan.environment = calloc((size_t)words + 1, sizeof(char *));
    if (!plan.outputs || !plan.environment)
        die("memory");
    return plan;
}

/* Everything that process 1 does for one execution; returns early in a payload for the interpreter. */
static void serve(struct plan *plan) {
    fcntl(plan->report, F_SETFD, FD_CLOEXEC);
    umask(0);
    if (mkdir(WORK, 0700) || mkdir(SHARED_MEMORY, 01777) || chdir(WORK))
        die(WORK);
    umask(022);
    int room = unpack(plan->files);
    send_all(plan->report, "B", 1);
    if (room)
        run(plan);
    else
        refuse(plan);
    if (payload_returned)
        return;
    for (int index = 0; index < plan->output_count; index++)
        send_output(plan, (uint32_t)index, &plan->output_bytes);
    send_all(plan->report, "E", 1);
}

static int inner(int argc, char **argv) {
    struct plan plan = new_plan(argc);
    prctl(PR_SET_DUMPABLE, 0);
    parse(&plan, argc, argv);
    serve(&plan);
    return 0;
}

/* A copy of the next blob; descriptor 0 itself when the rest of the input is meant. */
static int read_blob(void) {
    uint64_t left;
    char block[65536];
    int fd = (int)syscall(SYS_memfd_create, "blob", 1U /* close on exec */);
    if (fd < 0 || read(0, &left, sizeof left) != sizeof left)
        die("input");
    if (left == UINT64_MAX) {
        close(fd);
        return 0;
    }
    while (left > 0) {
        ssize_t got = read(0, block, left < sizeof block ? left : sizeof block);
        if (got <= 0)
            die("input");
        send_all(fd, block, (size_t)got);
        left -= (uint64_t)got;
    }
    if (lseek(fd, 0, SEEK_SET))
        die("input");
    return fd;
}

static void load_filter(int fd) {
    static struct sock_filter filter[LONGEST_FILTER];
    ssize_t size = pread(fd, filter, sizeof filter, 0); /* the descriptor may be shared */
    if (size <= 0 || size % (ssize_t)sizeof *filter)
        die("seccomp filter");
    struct sock_fprog program = {(unsigned short)((size_t)size / sizeof *filter), filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
        die("seccomp filter");
    close(fd);
}

static void child_ended(int number) { (void)number; }

static void too_late(int number) {
    (void)number;
    _exit(125);
}

static int mux(int argc, char **argv) {
    struct plan plan = new_plan(argc);
    struct sigaction wake = {.sa_handler = child_ended}, give_up = {.sa_handler = too_late};
    int out[2], err[2];
    prctl(PR_SET_DUMPABLE, 0);
    parse(&plan, argc, argv);
    sigaction(SIGALRM, &give_up, NULL); /* process 1 is spared a signal that it does not handle */
    alarm(plan.handover_s);
    load_filter(read_blob());
    plan.files = read_blob();
    int input = read_blob();
    alarm(0);
    signal(SIGALRM, SIG_DFL); /* or the payload could end process 1 with it */
    plan.owner = fcntl(0, F_DUPFD_CLOEXEC, 10);
    plan.report = fcntl(1, F_DUPFD_CLOEXEC, 10);
    if (plan.owner < 0 || plan.report < 0 || pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC) || sigaction(SIGCHLD, &wake, NULL) ||
        dup2(input, 0) < 0 || dup2(out[1], 1) != 1 || dup2(err[1], 2) != 2)
        die("streams");
    plan.streams[0] = out[0];
    plan.streams[1] = err[0];
    for (int i = 0; i < 2; i++)
        fcntl(plan.streams[i], F_SETFL, O_NONBLOCK);
    serve(&plan);
    return 0;
}

int main(int argc, char **argv) {
    if (argc > 3 && !strcmp(argv[1], "outer"))
        return outer(argc - 1, argv + 1);
    if (argc > 3 && !strcmp(argv[1], "inner"))
        return inner(argc - 1, argv + 1);
    if (argc > 3 && !strcmp(argv[1], "mux"))
        return mux(argc - 1, argv + 1);
    dprintf(2, "usage: init outer|inner|mux OPTIONS -- PROGRAM\n");
    return 125;
}
