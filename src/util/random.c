#include "util/random.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "util/io.h"
#include "util/text.h"

/* The same numbers where a filter or an old kernel refuses the call. */
static bool read_device(char *data, size_t length)
{
    int fd = open("/dev/urandom", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    struct stat status;
    ssize_t done = 0;

    /* An image can have a file of that name, with the same octets for all. */
    if (fd != -1 && (fstat(fd, &status) == -1 || !S_ISCHR(status.st_mode)))
        io_close(&fd);
    while (fd != -1 && length > 0 && (done = io_read(fd, data, length)) > 0) {
        data += done;
        length -= (size_t)done;
    }
    io_close(&fd);
    return length == 0;
}

void random_bytes(void *data, size_t length)
{
    static const char text[] = "postrider: no random numbers: getrandom(2) "
                               "and /dev/urandom are refused\n";
    char *rest = data;

    while (length > 0) {
        ssize_t done = getrandom(rest, length, 0);
        if (done == -1 && errno == EINTR)
            continue;
        if (done <= 0)
            break;
        rest += done;
        length -= (size_t)done;
    }
    if (length == 0 || read_device(rest, length))
        return;
    /* A name or nonce that can be guessed is worse than no process. */
    ssize_t ignored = write(STDERR_FILENO, text, sizeof text - 1);
    (void)ignored;
    _exit(EX_TEMPFAIL);
}

void random_id(char id[RANDOM_ID_LENGTH + 1])
{
    unsigned char bytes[RANDOM_ID_LENGTH / 2];

    random_bytes(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++) {
        id[2 * i] = TEXT_HEX_DIGITS[bytes[i] >> 4];
        id[2 * i + 1] = TEXT_HEX_DIGITS[bytes[i] & 15];
    }
    id[RANDOM_ID_LENGTH] = '\0';
}

bool random_is_id(const char *text)
{
    return strspn(text, TEXT_HEX_DIGITS) == RANDOM_ID_LENGTH &&
           text[RANDOM_ID_LENGTH] == '\0';
}

uint32_t random_below(uint32_t limit)
{
    uint32_t number;

    if (limit == 0)
        return 0;
    random_bytes(&number, sizeof number);
    return number % limit;
}
