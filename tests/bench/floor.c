/*
 * floor.c - the least that storing a message durably can cost: read, write,
 * sync, rename. floor FOLDER < MESSAGE
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    char block[65536], from[256], to[256];
    ssize_t length;

    if (argc != 2)
        return 64;
    snprintf(from, sizeof from, "%s/.t%ld", argv[1], (long)getpid());
    snprintf(to, sizeof to, "%s/f%ld", argv[1], (long)getpid());
    int fd = open(from, O_CREAT | O_EXCL | O_WRONLY, 0640);
    while ((length = read(0, block, sizeof block)) > 0)
        if (write(fd, block, (size_t)length) != length)
            return 74;
    return fsync(fd) == 0 && rename(from, to) == 0 ? 0 : 74;
}
