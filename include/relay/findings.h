/*
 * findings.h - extensions that smarthosts list but do not implement
 *
 * What cannot be read or written is found out again.
 */
#ifndef POSTRIDER_RELAY_FINDINGS_H
#define POSTRIDER_RELAY_FINDINGS_H

struct distrust;
struct spool;

/* The findings of the daemon before about this smarthost; { 0 }: nothing that
 * counts today. */
struct distrust findings_read(const struct spool *spool, const char *smarthost);

/* Keep that in the place of what was known. Without extensions: forget it. */
void findings_write(const struct spool *spool, const char *smarthost,
                    const struct distrust *distrust);

#endif
