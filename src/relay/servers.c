#include "relay/servers.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/alloc.h"
#include "util/buf.h"
#include "util/error.h"
#include "util/io.h"
#include "util/text.h"

#define VARIABLE "POSTRIDER_SERVERS"
#define TEXT_MAX 65536
#define ABOVE_SOCKETS 128       /* descriptors below may be replaced:
                                 * sockets.c */

void servers_add(struct servers *servers, pid_t pid, uid_t uid)
{
    if (servers->count < SERVERS_MAX)
        servers->list[servers->count++] = (struct server){ pid, uid };
}

bool servers_remove(struct servers *servers, pid_t pid)
{
    for (size_t i = 0; i < servers->count; i++)
        if (servers->list[i].pid == pid) {
            servers->list[i] = servers->list[--servers->count];
            return true;
        }
    return false;
}

size_t servers_of(const struct servers *servers, uid_t uid)
{
    size_t count = 0;

    for (size_t i = 0; i < servers->count; i++)
        count += servers->list[i].uid == uid;
    return count;
}

/* A line, with its end cut off, is changed. A number may be another process's
 * by now: only a child of ours that runs is meant. */
static void take_line(struct servers *servers, char *line)
{
    char *end = line + strcspn(line, " ");
    uint64_t pid, uid;

    if (*end == '\0')
        return;
    *end = '\0';
    if (text_to_number(line, INT32_MAX, &pid) &&
        text_to_number(end + 1, UINT32_MAX, &uid) &&
        waitpid((pid_t)pid, NULL, WNOHANG) == 0)
        servers_add(servers, (pid_t)pid, (uid_t)uid);
}

void servers_inherit(struct servers *servers)
{
    const char *name = getenv(VARIABLE);
    struct buf text;
    struct error ignored;
    uint64_t number;

    *servers = (struct servers){ 0 };
    if (name == NULL || !text_to_number(name, INT32_MAX, &number))
        return;
    unsetenv(VARIABLE);
    int fd = (int)number;
    buf_init(&text, TEXT_MAX);
    if (lseek(fd, 0, SEEK_SET) == 0 && io_read_all(fd, &text, &ignored) &&
        text.length > 0) {
        char *rest = text.data;
        for (char *line; (line = strsep(&rest, "\n")) != NULL;)
            take_line(servers, line);
    }
    buf_free(&text);
    close(fd);
}

void servers_leave(const struct servers *servers)
{
    int file = memfd_create("postrider servers", MFD_CLOEXEC);
    int fd = file == -1 ? -1 : fcntl(file, F_DUPFD, ABOVE_SOCKETS);
    struct buf text;

    io_close(&file);
    if (fd == -1)
        return;
    buf_init(&text, SIZE_MAX);
    for (size_t i = 0; i < servers->count; i++)
        buf_add_format(&text, "%ld %lu\n", (long)servers->list[i].pid,
                       (unsigned long)servers->list[i].uid);
    if (io_write_all(fd, text.data, text.length)) {
        char *number = alloc_format("%d", fd);
        setenv(VARIABLE, number, 1);
        free(number);
    }
    buf_free(&text);
}
