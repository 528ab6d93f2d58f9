/* The trusted parent of a timing session: two sides in turn, each in its own process, clocks read from outside.
 *
 * Each pair starts two fresh processes (placement in memory is drawn anew), gives both the same fresh inputs, lets the
 * sides run in the order base-candidate-candidate-base or its mirror, stops every thread of a side before its clock is
 * read, and compares the outputs of both. A side learns nothing but its own arrays; results leave through our stdout,
 * which no side has. The plan arrives on stdin (see measure.py); one JSON object per line goes out, each with the nonce.
 * usage: timer SIDE */
#define _GNU_SOURCE
#include "generate.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_PARAMETERS = 64, MAX_THREADS = 256, MAX_REPEATS = 4096, MAX_TEXT = 4096 };

static struct plan {
    char nonce[65], entry[2][MAX_TEXT], library[2][MAX_TEXT], orders[MAX_TEXT];
    uint64_t seed;
    int threaded, tries, timeout_ms, deadline_ms, parameters;
    size_t repeats, stride, bytes;
    double shortest_ns, sum_ns, most_ns, most_bytes, end_ns;
    struct parameter parameter[MAX_PARAMETERS];
} plan;

struct clocks { double run_ns, wall_ns, delay_ns, longest_ns; long involuntary; int threads; };

struct task { long id; double run_ns, delay_ns; };

struct side {
    pid_t pid;
    int commands, replies, arrays;
    char *memory;
    const char *name;
};

static const char *program;
static int alive[2]; /* pids, for the end */

__attribute__((noreturn, format(printf, 2, 3))) static void finish(const char *what, const char *format, ...) {
    char text[512];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    for (int i = 0; i < 2; i++)
        if (alive[i] > 0) kill(alive[i], SIGKILL);
    printf("{\"nonce\":\"%s\",\"event\":\"%s\",\"reason\":\"%s\"}\n", plan.nonce, what, text);
    fflush(stdout);
    exit(0);
}

static void need(int ok, const char *what) {
    if (!ok) finish("broken", "%s: %s", what, strerror(errno));
}

static double now_ns(clockid_t clock) {
    struct timespec t;
    need(!clock_gettime(clock, &t), "clock");
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void read_plan(void) {
    int ok = scanf(" %64s %lu %4095s %4095s %4095s %4095s %d %d %d %d %lf %lf %lf %lf %zu %4095s %d", plan.nonce, &plan.seed,
                   plan.entry[0], plan.library[0], plan.entry[1], plan.library[1], &plan.threaded, &plan.tries, &plan.timeout_ms,
                   &plan.deadline_ms, &plan.shortest_ns, &plan.sum_ns, &plan.most_ns, &plan.most_bytes, &plan.repeats, plan.orders,
                   &plan.parameters);
    need(ok == 17 && plan.parameters >= 0 && plan.parameters <= MAX_PARAMETERS, "plan");
    size_t offset = 0;
    for (int i = 0; i < plan.parameters; i++) {
        struct parameter *p = plan.parameter + i;
        int kind, access, structure;
        ok = scanf("%d %zu %zu %d %d %lf %lf %lf", &kind, &p->width, &p->count, &access, &structure, &p->low, &p->high,
                   &p->tolerance);
        need(ok == 8, "plan");
        p->kind = (enum kind)kind, p->access = (enum access)access, p->structure = (enum structure)structure;
        p->offset = offset;
        offset = (offset + p->width * p->count + 127) / 64 * 64; /* at least one spare line between arrays */
    }
    plan.stride = offset + 64;
}

static void map_arrays(struct side *s) {
    s->arrays = memfd_create("arrays", MFD_CLOEXEC);
    if (s->arrays < 0) s->arrays = open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    need(s->arrays >= 0 && !ftruncate(s->arrays, (off_t)plan.bytes), "memory for the arrays");
    s->memory = mmap(0, plan.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, s->arrays, 0);
    need(s->memory != MAP_FAILED, "memory for the arrays");
}

static void resize(struct side sides[2], size_t repeats) {
    for (int i = 0; i < 2; i++) {
        if (sides[i].memory) munmap(sides[i].memory, plan.bytes), close(sides[i].arrays);
    }
    plan.repeats = repeats;
    plan.bytes = (repeats * plan.stride + 4095) / 4096 * 4096;
    for (int i = 0; i < 2; i++) map_arrays(sides + i);
}

static void become_side(const struct side *s, int which, int commands, int replies) {
    char text[3 + MAX_PARAMETERS][24];
    char *argv[7 + MAX_PARAMETERS + 1] = {(char *)"side", plan.library[which], plan.entry[which], text[0], text[1], text[2]};
    snprintf(text[0], 24, "%zu", plan.bytes);
    snprintf(text[1], 24, "%zu", plan.repeats);
    snprintf(text[2], 24, "%zu", plan.stride);
    for (int i = 0; i < plan.parameters; i++) {
        snprintf(text[3 + i], 24, "%zu", plan.parameter[i].offset);
        argv[6 + i] = text[3 + i];
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (dup2(s->arrays, 200) < 0 || dup2(commands, 0) < 0 || dup2(replies, 1) < 0 || dup2(200, 3) < 0) _exit(98);
    close(200);
    execv(program, argv);
    _exit(98);
}

/* Wait for one byte; end the session when the side died or is too slow. */
static void await_reply(const struct side *s) {
    struct pollfd ready = {.fd = s->replies, .events = POLLIN};
    char byte;
    int count = poll(&ready, 1, plan.timeout_ms);
    if (count == 0) finish("failed", "the %s exceeded the limit of %d ms in one block", s->name, plan.timeout_ms);
    if (count < 0 || read(s->replies, &byte, 1) != 1) {
        int status = 0;
        waitpid(s->pid, &status, 0);
        if (WIFSIGNALED(status)) finish("failed", "the %s died of signal %d", s->name, WTERMSIG(status));
        finish("failed", "the %s exited with status %d inside the call", s->name, WEXITSTATUS(status));
    }
}

static void stop(const struct side *s) {
    int status;
    kill(s->pid, SIGSTOP);
    if (waitpid(s->pid, &status, WUNTRACED) != s->pid || !WIFSTOPPED(status))
        finish("failed", "the %s ended by itself", s->name);
}

static void start_side(struct side *s, int which) {
    int commands[2], replies[2];
    need(!pipe2(commands, O_CLOEXEC) && !pipe2(replies, O_CLOEXEC), "pipe");
    s->pid = fork();
    need(s->pid >= 0, "fork");
    if (s->pid == 0) become_side(s, which, commands[0], replies[1]);
    close(commands[0]), close(replies[1]);
    s->commands = commands[1], s->replies = replies[0];
    alive[s->name[0] == 'c'] = s->pid;
    await_reply(s);
    stop(s);
}

static void end_side(struct side *s) {
    kill(s->pid, SIGKILL);
    waitpid(s->pid, 0, 0);
    alive[s->name[0] == 'c'] = 0;
    close(s->commands), close(s->replies);
}

static double field(pid_t pid, const char *task, const char *file, const char *key, double *second) {
    char path[128], line[256];
    double first = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%s/%s", pid, task, file);
    FILE *f = fopen(path, "re");
    if (!f) return 0;
    while (fgets(line, sizeof line, f))
        if (!strncmp(line, key, strlen(key)) && sscanf(line + strlen(key), "%lf %lf", &first, second) >= 1) break;
    fclose(f);
    return first;
}

/* Read the clocks of a stopped side: the process clock covers threads that are gone, the task list those alive. */
static int read_tasks(pid_t pid, struct clocks *total, struct task tasks[]) {
    char path[64];
    int count = 0;
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *directory = opendir(path);
    need(directory != 0, "task list");
    for (struct dirent *e; (e = readdir(directory)) && count < MAX_THREADS;) {
        if (e->d_name[0] == '.') continue;
        double ignored;
        struct task *task = tasks + count++;
        *task = (struct task){.id = atol(e->d_name)};
        task->run_ns = field(pid, e->d_name, "schedstat", "", &task->delay_ns);
        total->involuntary += (long)field(pid, e->d_name, "status", "nonvoluntary_ctxt_switches:", &ignored);
    }
    closedir(directory);
    return total->threads = count;
}

/* The time that threads would have needed had a core been free for each: what the clocks of tasks imply. */
static void critical_path(struct clocks *c, pid_t main_task, struct task before[], int first, struct task after[]) {
    double sum = 0, own_delay = 0, other_delay = 0;
    for (int i = 0; i < c->threads; i++) {
        struct task t = after[i];
        for (int j = 0; j < first; j++)
            if (before[j].id == t.id) t.run_ns -= before[j].run_ns, t.delay_ns -= before[j].delay_ns;
        sum += t.run_ns;
        c->longest_ns = fmax(c->longest_ns, t.run_ns);
        if (t.id == main_task) own_delay = t.delay_ns;
        else other_delay = fmax(other_delay, t.delay_ns);
    }
    c->delay_ns = own_delay + other_delay;
    /* Threads that are gone count as one chain. Work handed from thread to thread is not parallel: what the clock on the
     * wall shows counts too, less the time that the main thread and the most delayed other one waited for a core. */
    c->longest_ns = fmax(c->longest_ns, c->run_ns - sum);
    c->longest_ns = fmax(c->longest_ns, c->wall_ns - c->delay_ns);
}

/* How long this program itself waited for a core so far; it may be late to see a reply on a busy machine. */
static double own_delay(void) {
    char task[16];
    double delay_ns = 0;
    snprintf(task, sizeof task, "%d", getpid());
    field(getpid(), task, "schedstat", "", &delay_ns);
    return delay_ns;
}

static struct clocks run_block(struct side *s, const char *command) {
    struct clocks before = {0}, after = {0};
    struct task tasks[2][MAX_THREADS];
    clockid_t clock;
    need(!clock_getcpuclockid(s->pid, &clock), "clock of a side");
    int first = read_tasks(s->pid, &before, tasks[0]);
    before.run_ns = now_ns(clock);
    double late_ns = own_delay();
    before.wall_ns = now_ns(CLOCK_MONOTONIC);
    need(write(s->commands, command, 1) == 1, "command");
    kill(s->pid, SIGCONT);
    await_reply(s);
    after.wall_ns = now_ns(CLOCK_MONOTONIC);
    late_ns = own_delay() - late_ns;
    stop(s);
    after.run_ns = now_ns(clock);
    read_tasks(s->pid, &after, tasks[1]);
    after.run_ns -= before.run_ns, after.wall_ns -= before.wall_ns, after.involuntary -= before.involuntary;
    after.wall_ns -= fmax(0, late_ns - after.run_ns); /* the side itself may have run in our place */
    critical_path(&after, s->pid, tasks[0], first, tasks[1]);
    return after;
}

static double metric(struct clocks c) { return plan.threaded ? c.longest_ns : c.run_ns; }

static void fill(const struct side *s, size_t calls, uint64_t seed) {
    for (size_t r = 0; r < calls; r++)
        for (int i = 0; i < plan.parameters; i++) {
            uint64_t own = seed + (uint64_t)(r * MAX_PARAMETERS + (size_t)i + 1) * 0xd1342543de82ef95u;
            parameter_fill(plan.parameter + i, s->memory + r * plan.stride + plan.parameter[i].offset, own);
        }
}

static void compare(const struct side sides[2], size_t calls) {
    size_t at;
    double error;
    for (size_t r = 0; r < calls; r++)
        for (int i = 0; i < plan.parameters; i++) {
            size_t offset = r * plan.stride + plan.parameter[i].offset;
            if (parameter_differs(plan.parameter + i, sides[0].memory + offset, sides[1].memory + offset, &at, &error))
                finish("wrong", "parameter %d differs from the base at element %zu by %.3g of the largest value", i, at, error);
        }
}

/* One try: the same fresh inputs for both sides, in the given order; then the outputs are compared. */
static void run_try(struct side sides[2], int first, int warm_up, uint64_t seed, struct clocks result[2]) {
    size_t calls = warm_up ? 1 : plan.repeats;
    for (int turn = 0; turn < 2; turn++) {
        int who = first ^ turn;
        fill(sides + who, calls, seed);
        result[who] = run_block(sides + who, warm_up ? "w" : "g");
    }
    compare(sides, calls);
}

static void print_clocks(const char *name, const struct clocks *c, int tries) {
    printf(",\"%s\":[", name);
    for (int i = 0; i < tries; i++)
        printf("%s[%.0f,%.0f,%.0f,%.0f,%ld,%d]", i ? "," : "", metric(c[i]), c[i].run_ns, c[i].wall_ns, c[i].delay_ns,
               c[i].involuntary, c[i].threads);
    printf("]");
}

/* Give each thread of a team a core of its own as far as they go: schedulers like to wake threads where their waker runs,
 * which serialises short regions. Threads that come later inherit nothing when the team was one thread. */
static void spread(const struct side *s) {
    struct clocks ignored = {0};
    struct task tasks[MAX_THREADS];
    cpu_set_t allowed, one;
    int count = read_tasks(s->pid, &ignored, tasks), cpu = -1;
    if (count < 2 || sched_getaffinity(0, sizeof allowed, &allowed)) return;
    for (int i = 0; i < count; i++) {
        do cpu = (cpu + 1) % CPU_SETSIZE;
        while (!CPU_ISSET(cpu, &allowed));
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        sched_setaffinity((pid_t)tasks[i].id, sizeof one, &one);
    }
}

/* One pair: both sides afresh, a warm-up try, then the timed tries, each in the mirror order of the one before. */
static void run_pair(struct side sides[2], char order, int calibrating, uint64_t seed, struct clocks kept[2][16]) {
    int self = order >= '4', first = order & 1, swap = order >> 1 & 1;
    struct side pair[2] = {sides[swap], sides[!swap]};
    struct clocks both[2];
    pair[0].name = "base", pair[1].name = self ? "copy of the base" : "candidate";
    for (int turn = 0; turn < 2; turn++) { /* equal sides must be treated equally: who runs first is started first */
        int who = first ^ turn;
        start_side(pair + who, who && !self);
    }
    for (int t = plan.tries > 1 || calibrating || plan.threaded ? -1 : 0; t < plan.tries; t++) { /* long blocks need no warm-up */
        if (now_ns(CLOCK_MONOTONIC) > plan.end_ns) finish("deadline", "%d ms", plan.deadline_ms);
        run_try(pair, first ^ (t & 1), t < 0, seed + (uint64_t)(t + 2) * 0x9e6c63d0876a9a35u, both);
        for (int i = 0; i < 2 && t >= 0; i++) kept[i][t] = both[i];
        for (int i = 0; i < 2 && t < 0 && plan.threaded; i++) spread(pair + i);
    }
    end_side(pair), end_side(pair + 1);
}

static double quickest(const struct clocks kept[16]) {
    double best = INFINITY;
    for (int t = 0; t < plan.tries; t++) best = fmin(best, metric(kept[t]));
    return best;
}

/* Choose how many calls one block makes, few but long enough to read, and how many blocks count as one time. */
static void calibrate(struct side sides[2], struct random *random) {
    struct clocks kept[2][16];
    double most = fmax(1, plan.most_bytes / (double)plan.stride);
    int most_tries = plan.tries;
    resize(sides, 1);
    for (int round = 0; round < 5; round++) {
        plan.tries = round ? most_tries : 1; /* a first look: one call may take seconds */
        run_pair(sides, '0', 1, random_bits(random), kept);
        double base = quickest(kept[0]), candidate = quickest(kept[1]);
        double fast = fmin(base, candidate), slow = fmax(base, candidate);
        if (slow > plan.most_ns) return;
        double factor = fmin(plan.shortest_ns / fmax(fast, 1), plan.most_ns / fmax(slow, 1));
        double next = fmin(fmin((double)plan.repeats * factor, most), MAX_REPEATS);
        if (round && next < (double)plan.repeats * 1.3) {
            double tries = fmin(fmax(2, ceil(plan.sum_ns / fmax(fast, 1))), plan.most_ns / slow);
            plan.tries = (int)fmax(1, fmin(tries, plan.tries));
            return;
        }
        if (next >= (double)plan.repeats * 1.3) resize(sides, (size_t)ceil(next));
    }
}

/* Serial code shares one core with this parent, so that inputs are as near for either side: take the quieter core. */
static void choose_core(void) {
    cpu_set_t allowed, one;
    double best = INFINITY;
    int chosen = -1, tried = 0;
    if (plan.threaded || sched_getaffinity(0, sizeof allowed, &allowed)) return;
    for (int cpu = 0; cpu < CPU_SETSIZE && tried < 8; cpu++) {
        if (!CPU_ISSET(cpu, &allowed)) continue;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        if (sched_setaffinity(0, sizeof one, &one)) continue;
        tried++;
        double wall = now_ns(CLOCK_MONOTONIC), run = now_ns(CLOCK_THREAD_CPUTIME_ID);
        while (now_ns(CLOCK_MONOTONIC) - wall < 4e6) {}
        double busy = (now_ns(CLOCK_MONOTONIC) - wall) / (now_ns(CLOCK_THREAD_CPUTIME_ID) - run);
        if (busy < best) best = busy, chosen = cpu;
    }
    if (chosen < 0) return;
    CPU_ZERO(&one);
    CPU_SET(chosen, &one);
    sched_setaffinity(0, sizeof one, &one);
}

int main(int argc, char **argv) {
    struct side sides[2] = {{.arrays = -1}, {.arrays = -1}};
    struct random random;
    struct clocks kept[2][16];
    prctl(PR_SET_DUMPABLE, 0);
    signal(SIGPIPE, SIG_IGN);
    read_plan();
    need(argc == 2 && plan.tries >= 1 && plan.tries <= 16, "arguments");
    program = argv[1];
    plan.end_ns = now_ns(CLOCK_MONOTONIC) + plan.deadline_ms * 1e6;
    random_seed(&random, plan.seed);
    choose_core();
    if (plan.repeats) resize(sides, plan.repeats);
    else calibrate(sides, &random);
    printf("{\"nonce\":\"%s\",\"event\":\"ready\",\"repeats\":%zu,\"tries\":%d,\"core\":%d}\n", plan.nonce, plan.repeats,
           plan.tries, plan.threaded ? -1 : sched_getcpu());
    for (const char *o = plan.orders; *o; o++) {
        run_pair(sides, *o, 0, random_bits(&random), kept);
        printf("{\"nonce\":\"%s\",\"event\":\"%s\"", plan.nonce, *o >= '4' ? "self" : "pair");
        print_clocks("base", kept[0], plan.tries);
        print_clocks("candidate", kept[1], plan.tries);
        printf("}\n");
    }
    finish("end", "complete");
}
