/* file.c - util/io.h and the header's first words: files of any octets */
#include "proof.h"

#include <sys/types.h>

#include "mail/header.h"
#include "spool/format.h"
#include "util/io.h"

ssize_t io_read_at(int fd, void *data, size_t length, off_t offset)
{
    /*@ assert writable: length == 0 ||
      @     \valid((char *)data + (0 .. length - 1)); */
    /*@ assert offset: 0 <= offset; */
    if (length > 0 && proof_any())      /* less: the rest is as it was */
        return (ssize_t)Frama_C_long_interval(-1, (long)length - 1);
    proof_change(data, length);
    return (ssize_t)length;
}

void io_close(int *fd)
{
    *fd = -1;
}

bool format_check_start(const struct format *format, const char *text,
                        const char *wanted, char *id, struct error *err)
{
    (void)strlen(text);
    if (id != NULL)
        memcpy(id, "0123456789abcdef0123456789abcdef", 33);
    return proof_any() || error_set(err, FAULT_DATA, "wrong");
}

bool format_check_unknown(const char *line, struct error *err)
{
    (void)strlen(line);
    return proof_any() ||
           error_set(err, proof_any() ? FAULT_DATA : FAULT_NEWER, "wrong");
}

bool header_line_is_field(const char *line, size_t length)
{
    if (length > 0) {
        /*@ assert readable: \valid_read(line + (0 .. length - 1)); */
        /*@ assert set: \initialized(line + (0 .. length - 1)); */
        return proof_any();
    }
    return false;
}
