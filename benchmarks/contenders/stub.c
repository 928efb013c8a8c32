/* A gateway that answers every POST with one fixed body, after a fixed delay, and counts.
 *
 *   stub PORT DELAY_MS BODY_FILE COUNTS_FILE
 *
 * One thread, epoll, connections kept alive. It reads of a request only where it ends (Content-Length) and how many
 * numbers its form holds ("%2B" is a +). What it counted stands in COUNTS_FILE, which readers map:
 * calls, messages, first call, last call (both CLOCK_MONOTONIC, ns). Each is a uint64.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ROOM (256 * 1024) /* a request for 500 recipients has 9 KB */
#define MOST 65536        /* connections */

struct conn {
    int fd, len, waiting, gone;
    char *buf;
};

static struct { uint64_t calls, messages, first_at, last_at; } *counts;
static char *answer;
static size_t answer_len;
static uint64_t delay;

/* Answers that wait. All wait equally long, so the order of arrival is the order of departure. */
static struct { uint64_t due; struct conn *to; } waiting[MOST];
static unsigned head, tail;

static void die(const char *what) { perror(what); exit(1); }

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + t.tv_nsec;
}

static void forget(struct conn *c) {
    if (c->fd >= 0) close(c->fd);
    c->fd = -1;
    c->gone = 1;
    if (!c->waiting) { free(c->buf); free(c); }
}

/* The whole answer, or nothing: a peer that has gone away is noticed at the next read. */
static void reply(struct conn *c) {
    size_t done = 0;
    while (done < answer_len) {
        ssize_t n = send(c->fd, answer + done, answer_len - done, MSG_NOSIGNAL);
        if (n > 0) { done += n; continue; }
        if (errno != EAGAIN) return;
        struct pollfd p = {c->fd, POLLOUT, 0};
        poll(&p, 1, 1000);
    }
}

static void count(const char *body, size_t len) {
    uint64_t now = now_ns(), numbers = 0;
    for (const char *at = body, *end = body + len; (at = memmem(at, end - at, "%2B", 3)); at += 3) numbers++;
    if (!counts->first_at) counts->first_at = now;
    counts->last_at = now;
    counts->messages += numbers;
    __atomic_store_n(&counts->calls, counts->calls + 1, __ATOMIC_RELEASE);
}

/* Length of the request at the start of the buffer, 0 while it is not complete. */
static size_t request(struct conn *c, const char **body, size_t *body_len) {
    char *end = memmem(c->buf, c->len, "\r\n\r\n", 4);
    if (!end) return 0;
    *end = 0;
    char *length = strcasestr(c->buf, "\r\ncontent-length:");
    *end = '\r';
    *body_len = length ? strtoul(length + 17, NULL, 10) : 0;
    *body = end + 4;
    size_t whole = (end + 4 - c->buf) + *body_len;
    return whole <= (size_t)c->len ? whole : 0;
}

/* Takes complete requests out of the buffer, one at a time while answers wait. */
static void serve(struct conn *c) {
    const char *body;
    size_t body_len, whole;
    while (!c->waiting && (whole = request(c, &body, &body_len))) {
        count(body, body_len);
        c->len -= whole;
        memmove(c->buf, c->buf + whole, c->len);
        if (!delay) { reply(c); continue; }
        c->waiting = 1;
        waiting[tail % MOST].due = now_ns() + delay;
        waiting[tail++ % MOST].to = c;
    }
}

static void release_due(void) {
    uint64_t now = now_ns();
    while (head != tail && waiting[head % MOST].due <= now) {
        struct conn *c = waiting[head++ % MOST].to;
        c->waiting = 0;
        if (c->gone) { forget(c); continue; }
        reply(c);
        serve(c);
    }
}

static int patience(void) {
    if (head == tail) return -1;
    uint64_t now = now_ns(), due = waiting[head % MOST].due;
    return due <= now ? 0 : (int)((due - now + 999999) / 1000000);
}

static void read_all(const char *path) {
    static char body[ROOM];
    int fd = open(path, O_RDONLY);
    ssize_t len = fd < 0 ? -1 : read(fd, body, sizeof body);
    if (len < 0) die(path);
    answer = malloc(len + 256);
    int top = sprintf(answer, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zd\r\n\r\n", len);
    memcpy(answer + top, body, len);
    answer_len = top + len;
    close(fd);
}

static int listening(int port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), yes = 1;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(fd, (struct sockaddr *)&at, sizeof at) || listen(fd, 4096)) die("bind");
    return fd;
}

int main(int argc, char **argv) {
    if (argc != 5) { fprintf(stderr, "stub PORT DELAY_MS BODY_FILE COUNTS_FILE\n"); return 2; }
    delay = strtoull(argv[2], NULL, 10) * 1000000u;
    read_all(argv[3]);
    int file = open(argv[4], O_RDWR);
    if (file < 0) die(argv[4]);
    counts = mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (counts == MAP_FAILED) die("mmap");
    int door = listening(atoi(argv[1])), all = epoll_create1(0);
    struct epoll_event at_door = {.events = EPOLLIN, .data.ptr = NULL}, events[256];
    epoll_ctl(all, EPOLL_CTL_ADD, door, &at_door);
    for (;;) {
        int n = epoll_wait(all, events, 256, patience());
        for (int i = 0; i < n; i++) {
            struct conn *c = events[i].data.ptr;
            if (!c) {
                int fd, yes = 1;
                while ((fd = accept4(door, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
                    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
                    struct conn *new = calloc(1, sizeof *new);
                    new->fd = fd;
                    new->buf = malloc(ROOM);
                    struct epoll_event in = {.events = EPOLLIN, .data.ptr = new};
                    epoll_ctl(all, EPOLL_CTL_ADD, fd, &in);
                }
                continue;
            }
            ssize_t got = recv(c->fd, c->buf + c->len, ROOM - c->len, 0);
            if (got > 0) { c->len += got; serve(c); }
            else if (got == 0 || errno != EAGAIN) forget(c);
        }
        release_due();
    }
}
