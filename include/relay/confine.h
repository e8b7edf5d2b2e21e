/*
 * confine.h - manager and worker shut themselves in
 *
 * The manager reads what hostile users write, a worker reads what a hostile
 * network sends. Once they are ready for that, they give up what they will not
 * need again (util/landlock.h, util/seccomp.h); a system call outside of it
 * ends the process, and the launcher or the manager logs that. Restrictions
 * that the kernel lacks are left out. `sandbox = no` in the configuration
 * turns all of this off.
 */
#ifndef POSTRIDER_RELAY_CONFINE_H
#define POSTRIDER_RELAY_CONFINE_H

struct config;
struct smarthost;
struct targets;

/*
 * From here on: take away from drop/, change the rest of the spool and the
 * metrics file, remove sockets; no other file but time zones, no network, no
 * new process. Logs what is in force.
 */
void confine_manager(const struct config *config);

/* Before the first connection: read certificates, connect to the ports over
 * TCP; no other file, socket, program or process. */
void confine_worker_opening(const struct config *config,
                            const struct smarthost *smarthost,
                            const struct targets *targets);

/* Once the session is open: open and start nothing, connect nowhere. */
void confine_worker_session(const struct config *config);

#endif
