/*
 * volume.h - what the file system below a spool has to be able to do
 */
#ifndef POSTRIDER_SPOOL_VOLUME_H
#define POSTRIDER_SPOOL_VOLUME_H

#include <stdbool.h>

struct error;
struct spool;

#define VOLUME_FULL 1048576     /* octets: a message and its state have to find
                                 * room */

/*
 * Can files and folders be synced, and can a file get a name that replaces no
 * other (a hard link)? Without that no message is safe. FAULT_CONFIG if not;
 * what fails for another reason, such as a full disk, is not found here.
 */
bool volume_check(const struct spool *spool, struct error *err);

#endif
