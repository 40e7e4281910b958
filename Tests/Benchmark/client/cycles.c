// usage: cycles tdxd|libvirt PLACE CLIENTS SECONDS PID
//
// CLIENTS threads, each with a connection of its own, make and destroy domains for SECONDS; how many cycles they got
// done, and what the daemon with the id PID needed for each. The clients of both daemons are C and block, so that as
// little as possible of what is measured is theirs.

#include "common.h"
#include "cycles.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { clientsMax = 64 };
static const double warmUpSeconds = 0.2;

static struct {
    const struct Daemon *daemon;
    const char *place;
    atomic_int numbersTaken;
    atomic_bool ended;
    atomic_ulong cycles;
} run;

static void *work(void *unused) {
    (void)unused;
    struct Client *client = run.daemon->open(run.place, atomic_fetch_add(&run.numbersTaken, 1));
    while (!atomic_load(&run.ended)) {
        run.daemon->cycle(client);
        atomic_fetch_add(&run.cycles, 1);
    }
    run.daemon->close(client);
    return NULL;
}

static void rest(double seconds) {
    uint64_t end = nowNanos() + (uint64_t)(seconds * 1e9);
    for (uint64_t now = nowNanos(); now < end; now = nowNanos()) {
        uint64_t left = end - now;
        struct timespec time = {.tv_sec = (time_t)(left / 1000000000), .tv_nsec = (long)(left % 1000000000)};
        nanosleep(&time, NULL);
    }
}

int main(int count, char **arguments) {
    if (count != 6) fail("usage: cycles tdxd|libvirt PLACE CLIENTS SECONDS PID");
    if (strcmp(arguments[1], "tdxd") == 0) run.daemon = &tdxdDaemon;
    if (strcmp(arguments[1], "libvirt") == 0) run.daemon = &libvirtDaemon;
    if (run.daemon == NULL) fail("no such daemon: %s", arguments[1]);
    run.place = arguments[2];
    int clients = (int)positive("CLIENTS", arguments[3]);
    if (clients > clientsMax) fail("at most %d clients", clientsMax);
    double seconds = positive("SECONDS", arguments[4]);
    pid_t server = (pid_t)positive("PID", arguments[5]);

    pthread_t threads[clientsMax];
    for (int index = 0; index < clients; index++) {
        errno = pthread_create(&threads[index], NULL, work, NULL);
        if (errno != 0) failSystem("a thread");
    }
    rest(warmUpSeconds);
    unsigned long cyclesBegan = atomic_load(&run.cycles);
    uint64_t began = nowNanos(), serverBegan = processorNanos(server), ownBegan = processorNanos(0);
    rest(seconds);
    double cycles = (double)(atomic_load(&run.cycles) - cyclesBegan);
    uint64_t serverNanos = processorNanos(server) - serverBegan, ownNanos = processorNanos(0) - ownBegan;
    double took = (double)(nowNanos() - began) / 1e9;
    atomic_store(&run.ended, 1);
    for (int index = 0; index < clients; index++) pthread_join(threads[index], NULL);
    if (cycles == 0) fail("no cycle within %g s", took);
    printf("{\"cycles\": %.0f, \"seconds\": %.6f, \"perSecond\": %.1f, \"serverNanos\": %.0f, \"clientNanos\": %.0f}\n",
        cycles, took, cycles / took, (double)serverNanos / cycles, (double)ownNanos / cycles);
    return 0;
}
