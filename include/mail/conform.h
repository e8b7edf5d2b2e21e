/*
 * conform.h - what strict servers refuse in a header section, put right
 *
 * Fields that may be there once (RFC 5322 section 3.6, RFC 2045), a message
 * id and line lengths. What a program may have meant otherwise stays as it is.
 */
#ifndef POSTRIDER_MAIL_CONFORM_H
#define POSTRIDER_MAIL_CONFORM_H

struct header;

/*
 * Of several From, Sender, Subject, Date, Message-ID, In-Reply-To, References
 * or MIME-Version fields, keep the first that is not empty; of several
 * Content-Type fields and the like, if all that are not empty are the same.
 */
void conform_single(struct header *header);

/* Put commas in the place of semicolons between addresses; make one To, Cc or
 * Reply-To of several whose addresses can be read; remove one of nothing but
 * `Name <>`. */
void conform_lists(struct header *header);

/*
 * Give a Message-ID of one word the brackets that it lacks and, without an @,
 * host as its right side (section 3.6.4). NULL: there is none. What is
 * malformed otherwise stays.
 */
void conform_message_id(struct header *header, const char *host);

/* Drop lines of white space alone from fields, which must not be sent (section
 * 3.2.2), and header_fold() long ones. */
void conform_lines(struct header *header);

#endif
