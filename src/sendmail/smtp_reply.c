/* smtp_reply.c - the replies of -bs: composed, logged, sent together */
#include "sendmail/smtp_server.h"

#include <stdarg.h>
#include <unistd.h>

#include "util/io.h"
#include "util/log.h"
#include "util/strings.h"
#include "util/text.h"

void server_reply(struct server *server, const char *format, ...)
{
    struct buf line;
    va_list args;

    buf_init(&line, REPLY_LINE_MAX);
    va_start(args, format);
    text_escape_vformat(&line, format, args);
    va_end(args);
    server->errors += line.data[0] == '5' && line.data[3] == ' ';
    /* Many clients never show the reply: the log has it, too. */
    if (line.data[0] == '4' || line.data[0] == '5')
        log_line(LOG_LEVEL_WARNING, "NOQUEUE: reject: uid=%lu: %s",
                 (unsigned long)server->uid, line.data);
    buf_add(&server->out, line.data, line.length);
    buf_add_text(&server->out, "\r\n");
    buf_free(&line);
}

void server_reply_lines(struct server *server, const char *code,
                        const struct strings *lines)
{
    for (size_t i = 0; i < lines->count; i++)
        server_reply(server, "%.3s%c%s %s", code,
                     i + 1 < lines->count ? '-' : ' ', code + 4,
                     lines->items[i]);
}

bool server_send_replies(struct server *server)
{
    bool sent = io_write_all(STDOUT_FILENO, server->out.data,
                             server->out.length);

    buf_clear(&server->out);
    return sent;
}
