/*
 * Internal to xdpf_live_bench: its sender, and what both of its files need.
 */
#ifndef BENCH_LIVE_BENCH_H
#define BENCH_LIVE_BENCH_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <jansson.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The answer that says why not. */
__attribute__((format(printf, 1, 2))) json_t *refuse(const char *fmt, ...);
/* To the CPU that sends and receives. 0: the calling thread. */
void pin(pid_t pid);

/* live-send.c, compiled. */
void sender_object(const char *path);
json_t *sender_frames(const char *capture);
/* Where frames leave from now on. False: there are no frames, or see errno. */
bool sender_aim(uint32_t ifindex);
/* A thread: NULL, or what went wrong. */
void *sender_run(void *arg);

#endif
