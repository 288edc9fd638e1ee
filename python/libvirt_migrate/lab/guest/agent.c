/*
 * What a Linux guest of the lab answers: runs what it is told to by its virtio-serial port, and says what came of it.
 *
 * Usage: agent PORT. A request is a line "run ID LENGTH" and a script of that many bytes for /bin/sh; the answer is a line
 * "done ID CODE LENGTH" and what the script wrote. Other lines are passed over, so that whoever comes new may begin
 * with an empty one. Nobody at the other end, as while the guest moves, is no end: it waits for the next. The port stays
 * open all the while: Linux throws away what has come to one that is closed, and that may be the next one's request.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST (1u << 20)

static char script[MOST + 1], output[MOST];
static int port;

/* Reads one byte; false where the other end has gone. */
static int get(char *byte)
{
    for (;;) {
        ssize_t got = read(port, byte, 1);
        if (got == 1)
            return 1;
        if (got == 0)
            return 0;
        struct pollfd wait = {.fd = port, .events = POLLIN};
        poll(&wait, 1, 1000);
    }
}

static int get_line(char *line, size_t room)
{
    for (size_t length = 0;; length++) {
        if (length + 1 >= room || !get(line + length))
            return 0;
        if (line[length] == '\n') {
            line[length] = 0;
            return 1;
        }
    }
}

static void put(const char *bytes, size_t length)
{
    while (length) {
        ssize_t put = write(port, bytes, length);
        if (put <= 0)
            return; /* nobody reads it any more */
        bytes += put;
        length -= put;
    }
}

static int run(size_t *length)
{
    int ends[2], status = 0;
    *length = 0;
    if (pipe2(ends, O_CLOEXEC))
        return 255;
    pid_t child = fork();
    if (child < 0) {
        close(ends[0]);
        close(ends[1]);
        return 255;
    }
    if (child == 0) {
        int nothing = open("/dev/null", O_RDONLY);
        dup2(nothing, 0);
        dup2(ends[1], 1);
        dup2(ends[1], 2);
        execl("/bin/sh", "sh", "-c", script, NULL);
        _exit(127);
    }
    close(ends[1]);
    ssize_t got;
    while (*length < MOST && (got = read(ends[0], output + *length, MOST - *length)) > 0)
        *length += got;
    close(ends[0]);
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void serve(void)
{
    char line[64], answer[64], id[33];
    size_t length;
    while (get_line(line, sizeof line)) {
        if (sscanf(line, "run %32s %zu", id, &length) != 2 || length > MOST)
            continue;
        for (size_t at = 0; at < length; at++)
            if (!get(script + at))
                return;
        script[length] = 0;
        int code = run(&length);
        put(answer, snprintf(answer, sizeof answer, "done %s %d %zu\n", id, code, length));
        put(output, length);
    }
}

int main(int count_of_words, char **words)
{
    if (count_of_words != 2)
        return 2;
    while ((port = open(words[1], O_RDWR | O_CLOEXEC)) < 0)
        usleep(100000);
    for (;;) {
        serve();
        usleep(20000);
    }
}
