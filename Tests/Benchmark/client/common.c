#include "common.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1);
}

void failSystem(const char *format, ...) {
    int reason = errno;
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, ": %s\n", strerror(reason));
    exit(1);
}

static uint64_t readClock(clockid_t clock) {
    struct timespec time;
    if (clock_gettime(clock, &time) != 0) failSystem("a clock");
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

uint64_t nowNanos(void) { return readClock(CLOCK_MONOTONIC); }

uint64_t processorNanos(pid_t process) {
    clockid_t clock;
    errno = clock_getcpuclockid(process, &clock);
    if (errno != 0) failSystem("processor time of process %d", process);
    return readClock(clock);
}

double positive(const char *option, const char *text) {
    char *end;
    errno = 0;
    double number = strtod(text, &end);
    if (errno != 0 || end == text || *end != 0 || !(number > 0 && number < 1e9)) {
        fail("%s wants a positive number, not '%s'", option, text);
    }
    return number;
}
