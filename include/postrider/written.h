/*
 * written.h - the report that a configuration has been written
 */
#ifndef POSTRIDER_POSTRIDER_WRITTEN_H
#define POSTRIDER_POSTRIDER_WRITTEN_H

/* Print the file and those of its passwords, and how the daemon, if it needs
 * one, gets to know of them. */
void written_tell(const char *path);

#endif
