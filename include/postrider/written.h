/*
 * written.h - the report that a configuration has been written
 */
#ifndef POSTRIDER_POSTRIDER_WRITTEN_H
#define POSTRIDER_POSTRIDER_WRITTEN_H

/* Print the file and those of its passwords, and have the daemon, if it needs
 * one, read it; or print what is to be done for that. */
void written_tell(const char *path);

#endif
