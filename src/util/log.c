#include "util/log.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "util/alloc.h"
#include "util/buf.h"
#include "util/devlog.h"
#include "util/io.h"
#include "util/text.h"

/*
 * The log is the process's, as syslog(3) itself has it: the one exception to
 * "no state at file scope" besides signal flags.
 */
static enum log_target target = LOG_TO_NOBODY;
static char *name;
static struct devlog devlog = DEVLOG_INIT("/dev/log");

void log_open(enum log_target where, const char *called)
{
    char *old = name;

    io_close(&devlog.fd);
    target = where;
    name = alloc_string(called);
    free(old);
}

void log_connect(void)
{
    if (target == LOG_TO_SYSLOG)
        (void)devlog_connect(&devlog);
}

static int priority_of(enum log_level level)
{
    static const int priorities[] = {
        [LOG_LEVEL_ALERT] = LOG_ALERT,
        [LOG_LEVEL_ERROR] = LOG_ERR,
        [LOG_LEVEL_WARNING] = LOG_WARNING,
        [LOG_LEVEL_INFO] = LOG_INFO,
    };

    return priorities[level] | LOG_MAIL;
}

void log_line(enum log_level level, const char *format, ...)
{
    va_list args;
    struct buf line;

    if (target == LOG_TO_NOBODY)
        return;
    buf_init(&line, 8192);
    va_start(args, format);
    text_escape_vformat(&line, format, args);
    va_end(args);
    if (target == LOG_TO_SYSLOG) {
        devlog_say(&devlog, priority_of(level), name, line.data);
    } else {
        char *shown = alloc_format("%s: %s\n", name, line.data);
        (void)io_write_all(STDERR_FILENO, shown, strlen(shown));
        free(shown);
    }
    buf_free(&line);
}
