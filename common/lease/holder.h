/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* holder.h: what a holder record says to those who come after (S12, S13).
 *
 * The record is believed about its holder only while holder.epoch is the
 * object's epoch: if the object has moved on, somebody claimed whose record is
 * missing, and who that was cannot be known. The list of fenced instances is
 * always believed, for nothing takes an entry back.
 *
 * All functions are pure.
 */
#ifndef LEASEHOLD_HOLDER_H
#define LEASEHOLD_HOLDER_H

#include "leasehold/lease.h"

enum holder_verdict {
  HOLDER_MAY_GO_ON,   /* unknown instance, none given, or the last holder */
  HOLDER_LOST_VOLUME, /* on the list: somebody else has claimed since (S12) */
  HOLDER_LOST_WRITES, /* last session ended with unsent writes (S13) */
  HOLDER_SUPERSEDED   /* somebody unknown has claimed since (S12) */
};

/* May (node, instance) write to a volume that looks like info? */
enum holder_verdict holder_judge(const struct volume_info *info,
                                 const char *node, const char *instance);

/* For the log: "another node has claimed it since", ... Static. */
const char *holder_verdict_text(enum holder_verdict verdict);

/* The record to claim with: next becomes the holder, and the previous holder
 * goes on the list if it had an instance and is not the same (node, instance).
 * When the list is full, the oldest entry whose node has a newer one goes
 * first, else the oldest. record is changed in place.
 */
void holder_succeed(struct holder_record *record, const struct holder *next);

/* Is (node, instance) on the list? */
bool holder_is_fenced(const struct holder_record *record, const char *node,
                      const char *instance);

/* Puts it there, as of that epoch, unless it is there already. */
void holder_fence(struct holder_record *record, const char *node,
                  const char *instance, uint64_t epoch);

/* As holder_judge, for a session that is to join a group of writers. The
 * record is that of any of them, so what is noted with the node counts.
 */
enum holder_verdict holder_judge_member(const struct volume_info *info,
                                        const struct membership *membership,
                                        const char *node, const char *instance);

/* The record to claim with in a group: the previous holder, who goes on
 * beside, is not put on the list.
 */
void holder_succeed_member(struct holder_record *record,
                           const struct membership *membership,
                           const struct holder *next);

/* Is the record's holder the session with this nonce, and believed? */
bool holder_is_session(const struct volume_info *info, const char *nonce);

#endif
