// Ends a program in the midst of what it does to files, at one chosen operation: preloaded (LD_PRELOAD), it counts what
// changes files (descriptors above 2 alone).
//
// Enters: CHAOS_KILL_AT, the number of the operation before which the process is killed (SIGKILL); CHAOS_TORN, half of
// that write is done first; CHAOS_FULL, bytes after which the disk is full (ENOSPC); CHAOS_REPORT, a file that gets the
// number of operations when the program ends by itself.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long operations;
static atomic_long bytes;
static long kill_at = -1;
static long full = -1;
static int torn;
static const char *report;

static long number(const char *name) {
    const char *text = getenv(name);
    return text ? atol(text) : -1;
}

__attribute__((constructor)) static void start(void) {
    kill_at = number("CHAOS_KILL_AT");
    full = number("CHAOS_FULL");
    torn = getenv("CHAOS_TORN") != NULL;
    report = getenv("CHAOS_REPORT");
}

__attribute__((destructor)) static void end(void) {
    FILE *file = report ? fopen(report, "w") : NULL;
    if (file) {
        fprintf(file, "%ld\n", atomic_load(&operations));
        fclose(file);
    }
}

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

// Whether this is the chosen operation.
static int chosen(void) { return atomic_fetch_add(&operations, 1) + 1 == kill_at; }

static void count(void) {
    if (chosen()) die();
}

static int is_file(int fd) {
    struct stat status;
    return fd > 2 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

#define REAL(name) ((typeof(&name))dlsym(RTLD_NEXT, #name))

// Bytes that a write may have: all, or those that the disk has room for; -1 when it has none.
static ssize_t room(size_t size) {
    if (full < 0) return (ssize_t)size;
    long before = atomic_fetch_add(&bytes, (long)size);
    if (before >= full) {
        errno = ENOSPC;
        return -1;
    }
    return before + (long)size > full ? full - before : (ssize_t)size;
}

ssize_t write(int fd, const void *data, size_t size) {
    if (!is_file(fd)) return REAL(write)(fd, data, size);
    if (chosen()) {
        if (torn) REAL(write)(fd, data, size / 2);
        die();
    }
    ssize_t most = room(size);
    return most < 0 ? -1 : REAL(write)(fd, data, (size_t)most);
}

ssize_t writev(int fd, const struct iovec *parts, int parts_count) {
    if (!is_file(fd) || parts_count < 1) return REAL(writev)(fd, parts, parts_count);
    // A write may always be short: the first part that holds anything is enough.
    for (int part = 0; part < parts_count; part++)
        if (parts[part].iov_len > 0) return write(fd, parts[part].iov_base, parts[part].iov_len);
    return 0;
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset) {
    if (is_file(fd)) {
        count();
        if (room(size) < 0) return -1;
    }
    return REAL(pwrite64)(fd, data, size, offset);
}

ssize_t copy_file_range(int from, off64_t *from_offset, int to, off64_t *to_offset, size_t size, unsigned flags) {
    count();
    ssize_t most = size > (1U << 30) ? 0 : room(size);
    return most < 0 ? -1 : REAL(copy_file_range)(from, from_offset, to, to_offset, size, flags);
}

static mode_t mode_of(int flags, va_list rest) { return flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; }

#define OPENS(name)                                        \
    int name(const char *path, int flags, ...) {           \
        va_list rest;                                      \
        va_start(rest, flags);                             \
        mode_t mode = mode_of(flags, rest);                \
        va_end(rest);                                      \
        if (flags & (O_CREAT | O_TRUNC)) count();          \
        return REAL(name)(path, flags, mode);              \
    }
OPENS(open)
OPENS(open64)

int fsync(int fd) {
    count();
    return REAL(fsync)(fd);
}

int fdatasync(int fd) {
    count();
    return REAL(fdatasync)(fd);
}

int ftruncate64(int fd, off64_t size) {
    count();
    return REAL(ftruncate64)(fd, size);
}

int rename(const char *from, const char *to) {
    count();
    return REAL(rename)(from, to);
}

int unlink(const char *path) {
    count();
    return REAL(unlink)(path);
}

int unlinkat(int folder, const char *path, int flags) {
    count();
    return REAL(unlinkat)(folder, path, flags);
}

int rmdir(const char *path) {
    count();
    return REAL(rmdir)(path);
}

int mkdir(const char *path, mode_t mode) {
    count();
    return REAL(mkdir)(path, mode);
}
