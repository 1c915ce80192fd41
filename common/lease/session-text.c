/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* session-text.c: the names of gates and states, for people. */
#include "leasehold/session.h"

const char *
gate_position_text(enum gate_position position)
{
  switch (position) {
  case GATE_PENDING:
    return "pending";
  case GATE_ASK:
    return "attached";
  case GATE_OPEN:
    return "open";
  case GATE_DRAINING:
    return "draining";
  case GATE_CONFLICT:
    return "conflict";
  case GATE_FENCED:
    return "fenced";
  case GATE_CLOSED:
    return "closed";
  }
  return "?";
}

const char *
session_state_text(enum session_state state)
{
  switch (state) {
  case SESSION_IDLE:
    return "idle";
  case SESSION_LOOKING:
    return "looking";
  case SESSION_STANDBY:
    return "standby";
  case SESSION_ATTACHED:
    return "attached";
  case SESSION_CLAIMING:
    return "claiming";
  case SESSION_TAKING:
    return "taking over";
  case SESSION_HELD:
    return "held";
  case SESSION_DRAINING:
    return "draining";
  case SESSION_VERIFYING:
    return "verifying";
  case SESSION_HANDING:
    return "handing over";
  case SESSION_RELEASING:
    return "releasing";
  case SESSION_DETACHED:
    return "detached";
  case SESSION_FENCED:
    return "fenced";
  }
  return "?";
}
