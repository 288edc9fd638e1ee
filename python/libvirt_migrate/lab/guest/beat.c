/*
 * What a Linux guest of the lab does with its memory: it counts on every page of its working set and beats, as
 * guest.c does, so that what is heard of both is the same.
 *
 * Usage: beat DEVICE MIB REST_MS. On DEVICE: "." every few milliseconds, and every 20 ms a line "p<passes> e<errors>",
 * both in eight hexadecimal digits.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096u
#define WORDS (PAGE / sizeof(uint32_t))
/* More pages than the kernel forgets one by one: for these it forgets every address translation. */
#define MANY 64u
#define MILLISECOND 1000000ull

static uint32_t passes, errors;
static char *scratch;

static uint64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000 * MILLISECOND + time.tv_nsec;
}

static void *pages_of(size_t bytes)
{
    void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (pages == MAP_FAILED) {
        perror("beat: mmap");
        exit(1);
    }
    return pages;
}

/* Has the processor forget every address translation, the kernel's too: guest.c says what QEMU's emulator loses else. */
static void forget_translations(void)
{
    mprotect(scratch, MANY * PAGE, PROT_READ);
    mprotect(scratch, MANY * PAGE, PROT_READ | PROT_WRITE);
    for (unsigned page = 0; page < MANY; page++)
        scratch[page * PAGE]++;
}

static void beat(int device)
{
    static uint64_t next_beat, next_line;
    uint64_t time = now();
    if (time < next_beat)
        return;
    next_beat = time + MILLISECOND;
    forget_translations();
    char line[32] = ".";
    int length = 1;
    if (time >= next_line) {
        next_line = time + 20 * MILLISECOND;
        length = snprintf(line, sizeof line, "p%08x e%08x\n", passes, errors);
    }
    /* A beat that finds no room is not missed. */
    if (write(device, line, length) < 0)
        return;
}

/* Each page holds how often it was counted on, and its own number, both different for every page and pass. */
static void count(volatile uint32_t *memory, uint32_t pages, int device)
{
    for (uint32_t page = 0; page < pages; page++) {
        volatile uint32_t *words = memory + page * WORDS;
        if (words[0] != passes || words[1] != page || words[WORDS - 1] != (passes ^ page)) {
            errors++;
            words[1] = page;
        }
        words[0] = passes + 1;
        words[WORDS - 1] = (passes + 1) ^ page;
        if (page % 16 == 0)
            beat(device);
    }
    passes++;
}

static int terminal(const char *path)
{
    int device = open(path, O_WRONLY | O_NOCTTY);
    struct termios raw;
    if (device < 0 || tcgetattr(device, &raw)) {
        perror(path);
        exit(1);
    }
    cfmakeraw(&raw);
    cfsetspeed(&raw, B115200);
    tcsetattr(device, TCSANOW, &raw);
    return device;
}

int main(int count_of_words, char **words)
{
    if (count_of_words != 4)
        return 2;
    int device = terminal(words[1]);
    uint32_t pages = atoi(words[2]) * 256;
    uint64_t rest = atoi(words[3]) * MILLISECOND;
    volatile uint32_t *memory = pages_of((size_t)pages * PAGE);
    scratch = pages_of(MANY * PAGE);
    for (uint32_t page = 0; page < pages; page++)
        memory[page * WORDS + 1] = memory[page * WORDS + WORDS - 1] = page;
    for (;;) {
        count(memory, pages, device);
        for (uint64_t end = now() + rest; now() < end; usleep(1000))
            beat(device);
    }
}
