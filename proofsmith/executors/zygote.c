/* Fork server of the sandbox, loaded by a Python interpreter inside bubblewrap; see zygote_main.py.
 *
 * zygote_serve(control, seccomp) takes requests from the descriptor `control`, a SEQPACKET socket. Each request is one
 * message of descriptors: options of `init inner` as NUL-terminated words, staged files, report, stdin, stdout, stderr,
 * then the cgroup.procs files to join. For each a fresh process 1 is cloned into new pid, mount and ipc namespaces; it
 * mounts its own tmpfs and /proc, gives up all capabilities, loads the filter and goes on exactly as `init inner` does.
 * The function returns only in a payload that is to be run by this interpreter, with its words in `payload_argv` and
 * `payload_environment`; -1 when `control` was closed.
 */
#define main init_main
#include "init.c"
#undef main

#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>

#define MOST_DESCRIPTORS 8
enum { REQUEST, FILES, REPORT, STANDARD, GROUPS = STANDARD + 3 };

char **payload_argv, **payload_environment;

static int receive(int control, int *fds) {
    char kind, space[CMSG_SPACE(sizeof(int) * MOST_DESCRIPTORS)];
    struct iovec data = {&kind, 1};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
    ssize_t got;
    do
        got = recvmsg(control, &message, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (got <= 0 || !header)
        return 0;
    size_t size = header->cmsg_len - CMSG_LEN(0);
    memcpy(fds, CMSG_DATA(header), size);
    return (int)(size / sizeof(int));
}

/* Split the request into words; the first is a name for getopt to skip. */
static char **words_of(int fd, int *count) {
    struct stat about;
    if (fstat(fd, &about) || about.st_size == 0)
        die("request");
    char *text = mmap(NULL, (size_t)about.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    char **words = calloc((size_t)about.st_size + 1, sizeof *words);
    if (text == MAP_FAILED || !words)
        die("request");
    for (char *at = text; at < text + about.st_size; at += strlen(at) + 1)
        words[(*count)++] = at;
    return words;
}

static void mount_private(unsigned long long scratch_bytes) {
    char options[100];
    snprintf(options, sizeof options, "size=%llu,mode=0755", scratch_bytes);
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
        mount("tmpfs", SCRATCH, "tmpfs", MS_NOSUID | MS_NODEV, options) ||
        mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, NULL))
        die("mount");
}

static void give_up_privileges(int seccomp) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct none[2] = {{0}};
    for (unsigned long each = 0; prctl(PR_CAPBSET_READ, each) >= 0; each++)
        prctl(PR_CAPBSET_DROP, each);
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) || syscall(SYS_capset, &header, none))
        die("give up privileges");
    load_filter(seccomp);
    prctl(PR_SET_DUMPABLE, 0);
}

/* Process 1 of one execution; returns only in a payload for the interpreter. */
static int execute(int control, int seccomp, const int *fds, int count) {
    int words = 0;
    char **argv = words_of(fds[REQUEST], &words);
    for (int i = GROUPS; i < count; i++)
        if (write(fds[i], "0", 1) != 1)
            die("join group");
    for (int i = 0; i < 3; i++)
        if (dup2(fds[STANDARD + i], i) < 0)
            die("standard streams");
    close(control);
    setsid();
    plan_for_interpreter = 1;
    struct plan plan = new_plan(words);
    parse(&plan, words, argv);
    plan.files = fds[FILES];
    plan.report = fds[REPORT];
    if (plan.cpu >= 0)
        pin(plan.cpu);
    mount_private(plan.file_bytes);
    give_up_privileges(seccomp);
    serve(&plan);
    if (!payload_returned)
        _exit(0);
    payload_argv = plan.payload;
    payload_environment = plan.environment;
    return 0;
}

int zygote_serve(int control, int seccomp) {
    signal(SIGCHLD, SIG_IGN);
    prctl(PR_SET_DUMPABLE, 0);
    for (;;) {
        int fds[MOST_DESCRIPTORS], count = receive(control, fds);
        if (count < GROUPS)
            return -1;
        long child = syscall(SYS_clone, CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | SIGCHLD, 0, 0, 0, 0);
        if (child == 0) {
            signal(SIGCHLD, SIG_DFL);
            return execute(control, seccomp, fds, count);
        }
        for (int i = 0; i < count; i++)
            close(fds[i]);
    }
}
