// What the two programs that put load on a server share.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// Prints the message to stderr and exits with 1. A figure from a run in which anything went wrong is worth nothing.
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/// The same, with what errno says.
_Noreturn void failSystem(const char *format, ...) __attribute__((format(printf, 1, 2)));

/// Nanoseconds since some moment in the past.
uint64_t nowNanos(void);

/// Nanoseconds of processor time that all threads of the process have used, those that ended included. Exact to the
/// nanosecond on Linux, where /proc/PID/stat counts in ticks of 10 ms.
uint64_t processorNanos(pid_t process);

/// The positive number that `text` is; fails with the name of the option if it is none.
double positive(const char *option, const char *text);
