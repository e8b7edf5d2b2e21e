/*
 * smtp_syntax.h - the parts of an SMTP command (RFC 5321 section 4.1.2)
 *
 * Each function cuts something off the front of a text, which it changes.
 */
#ifndef POSTRIDER_SENDMAIL_SMTP_SYNTAX_H
#define POSTRIDER_SENDMAIL_SMTP_SYNTAX_H

#include <stdbool.h>

/* The text after "FROM:" or "TO:", in any case, blanks allowed; NULL if the
 * argument begins otherwise. */
char *smtp_after_word(char *argument, const char *word);

/*
 * Cut "<path>" off *text, which becomes the parameters after it. Without
 * brackets, as some clients have it, it ends at a blank. Borrowed from *text;
 * NULL if there is none. "<>" gives "".
 */
char *smtp_take_path(char **text);

/* Cut the next "KEY=value" off; false at the end. value is "" without one. */
bool smtp_next_parameter(char **text, char **key, char **value);

/* May it be the value of ORCPT (RFC 3461 section 4.2): type;xtext? */
bool smtp_is_original(const char *value);

#endif
