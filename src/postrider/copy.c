/* copy.c - postrider copy: sendmail for containers whose image has none */
#include "postrider/commands.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "util/alloc.h"
#include "util/error.h"
#include "util/io.h"
#include "util/process.h"
#include "util/text.h"

/* Does a program begin without a loader, so that any image can run it? */
static bool is_static(int fd, struct error *err)
{
    ElfW(Ehdr) header;
    ElfW(Phdr) segment;

    if (pread(fd, &header, sizeof header, 0) != (ssize_t)sizeof header ||
        memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
        return error_set(err, FAULT_SYSTEM, "sendmail is not a program");
    for (size_t i = 0; i < header.e_phnum; i++) {
        off_t place = (off_t)(header.e_phoff + i * sizeof segment);
        if (pread(fd, &segment, sizeof segment, place) !=
            (ssize_t)sizeof segment)
            return error_set(err, FAULT_SYSTEM, "sendmail cannot be read");
        if (segment.p_type == PT_INTERP)
            return error_set(err, FAULT_UNAVAILABLE, "this sendmail needs "
                             "libraries that other images do not have") ||
                   error_remedy(err, "build it with "
                                "SENDMAIL_STATIC=-static-pie");
    }
    return true;
}

/* As a whole or not at all: a program may run the one that is there. */
static bool copy_into(int fd, const char *folder, struct error *err)
{
    char *draft = alloc_format("%s/.sendmail.new", folder);
    char *path = alloc_format("%s/sendmail", folder);
    struct stat status;

    unlink(draft);
    int to = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool copied = to != -1 && fstat(fd, &status) == 0 &&
                  io_copy(fd, to, (uint64_t)status.st_size) &&
                  fchmod(to, 0755) == 0 && fsync(to) == 0 &&
                  rename(draft, path) == 0;
    if (!copied) {
        error_sys(err, FAULT_IO, "%s", path);
        if (to != -1)
            unlink(draft);
    }
    io_close(&to);
    if (copied)
        text_print(stdout, "%s\n", path);
    free(draft);
    free(path);
    return copied;
}

int command_copy(int argc, char **argv)
{
    char *program = process_beside("sendmail");
    struct error err = { 0 };
    int fd = -1;
    bool copied = false;

    if (argc != 2 || *argv[1] == '-')
        error_set(&err, FAULT_USAGE, "usage: postrider copy DIRECTORY");
    else if (program == NULL)
        error_set(&err, FAULT_SYSTEM, "/proc is not mounted");
    else if ((fd = open(program, O_RDONLY | O_CLOEXEC)) == -1)
        error_sys(&err, FAULT_SYSTEM, "%s", program);
    else
        copied = is_static(fd, &err) && copy_into(fd, argv[1], &err);
    io_close(&fd);
    free(program);
    return copied ? EX_OK : command_fail(&err);
}
