/* SPDX-License-Identifier: MIT */

/* The end of a process: its pidfd becomes readable, its waiters leave, the server drains its
 * calls, sweeps its lock words, and only then reuses its owner slots. Also the steps that a
 * living process can still make after its session was ended.
 *
 * Process 0 has two threads (1 and 2), process 1 has one (3). A thread asks for an owner slot,
 * of which there are SLOTS, holds one or both of two lock words by CAS, may send an
 * asynchronous change (SET) under the first, releases by CAS or, while the change has no reply
 * yet, by a call behind it, and releases its slot. lock.pml has the FIFO of waiters: here a
 * thread that finds a word held waits until it is free. Any process may be killed at any step,
 * at most CRASHES of them. Between two stages of an end the server may serve other clients, so
 * an implementation may slice an end.
 *
 * CUT: the connection of process 0 may break while the process lives, and is made again. END:
 * an admin ends the session of process 0 while the process lives. The process learns of it some
 * time later, and may stop for ever (SIGSTOP) at any step before that. The locks that it
 * believes to hold are no longer checked from then on.
 *
 * Checked: one owner at a time of each word; a slot has one user, and is never given to a
 * process known to be dead; a change and a call of release find the grant under which they were
 * sent; every run ends with each word free, or held by an ended session that no thread waits
 * for, and with no slot left to a dead process. */

#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef SLOTS
#define SLOTS 2
#endif
#ifndef SETS
#define SETS 1
#endif
#define WORDS 2
#define FREE 0
#define process_of(k) ((k) <= 2 -> 0 : 1)

mtype = { ACQUIRE_SLOT, RELEASE_SLOT, SET, RELEASE_LOCK, NONE };
mtype = { LIVING, DRAIN, SWEEP, REUSE, GONE };

byte owner[WORDS];               /* a slot, or FREE */
byte count[WORDS];

/* The state of the server. */
byte user[SLOTS + 1];            /* the thread to which the slot belongs */
bit of_dead[SLOTS + 1];          /* belongs to a dead process: its words must be swept */
byte waits[4];                   /* the word that this thread's call waits for, plus 1 */
mtype stage[2] = LIVING;
bit ended[2];                    /* an admin ended its session */

chan calls[2] = [8] of { mtype, byte, byte, byte };   /* kind, thread, word or slot, token */
chan slot_reply[4] = [1] of { byte };                     /* a slot, or 0 if none is left */
byte pending[2];

bit alive[2] = 1;
bit cut_off;                     /* the connection of process 0 */
bit lost[2];                     /* the process knows that its session ended */
bit stopped;                     /* process 0, for ever */
byte crashes_left = CRASHES;
byte sets_left = SETS;
#ifdef CUT
byte cuts_left = 1;
#else
byte cuts_left = 0;
#endif
#ifdef END
byte ends_left = 1;
#else
byte ends_left = 0;
#endif

byte inside[WORDS];              /* the living thread with a session that holds it */

/* ---- the threads ------------------------------------------------------------------------- */

inline acquire(w, t) {
  do
  :: atomic { lost[p] -> t = 0; goto out }
  :: atomic { !lost[p] && owner[w] == FREE -> t = count[w] };
     if
     :: atomic { owner[w] == FREE && count[w] == t ->
          owner[w] = s;
          count[w]++;
          t = count[w];
          assert(user[s] == me);
          if
          :: !ended[p] -> assert(inside[w] == FREE); inside[w] = me
          :: else
          fi;
          break
        }
     :: atomic { !(owner[w] == FREE && count[w] == t) -> t = 0 }
     fi
  :: atomic { !lost[p] && owner[w] != FREE -> waits[me] = w + 1 };
     atomic { owner[w] == FREE || lost[p] -> waits[me] = 0 }
  od
}

inline leave(w) {
  if
  :: inside[w] == me -> inside[w] = FREE
  :: else
  fi
}

inline release(w, t) {
  if
  :: pending[p] == 0 && !lost[p] ->
     if
     :: atomic { owner[w] == s && count[w] == t -> owner[w] = FREE; leave(w) }
     :: atomic { !(owner[w] == s && count[w] == t) -> assert(ended[p]); leave(w) }
     fi
  :: atomic { !lost[p] -> leave(w); calls[p]!RELEASE_LOCK, me, w, t }
  :: atomic { lost[p] -> leave(w) }
  fi;
  t = 0
}

inline maybe_change(w, t) {
  if
  :: atomic { sets_left > 0 && !lost[p] -> sets_left--; pending[p]++; calls[p]!SET, me, w, t }
  :: true
  fi
}

proctype thread(byte p; byte me) {
  byte s, first, second;
  {
    atomic {
      if
      :: !lost[p] -> calls[p]!ACQUIRE_SLOT, me, 0, 0
      :: lost[p] -> goto out
      fi
    };
    if
    :: slot_reply[me]?s
    :: lost[p] -> goto out
    fi;
    if
    :: s != 0
    :: s == 0 -> goto out        /* none left: this thread would make calls */
    fi;
    acquire(0, first);
    maybe_change(0, first);
#ifndef ONE_WORD
    if
    :: acquire(1, second); release(1, second)
    :: true
    fi;
#endif
#ifdef BUG_RELEASES_SLOT_FIRST
    if
    :: atomic { !lost[p] -> calls[p]!RELEASE_SLOT, me, s, 0 }
    :: lost[p]
    fi;
    release(0, first);
#else
    release(0, first);
    if
    :: atomic { !lost[p] -> calls[p]!RELEASE_SLOT, me, s, 0 }
    :: lost[p]
    fi;
#endif
out:
    skip
  } unless { !alive[p] || p == 0 && stopped };
  atomic { s = 0; first = 0; second = 0 }
}

/* ---- the server -------------------------------------------------------------------------- */

/* Replies with the first free slot, or 0. */
inline assign_slot(k) {
  assert(stage[process_of(k)] == LIVING);
  n = 1;
  do
  :: n <= SLOTS && user[n] != FREE -> n++
  :: else -> break
  od;
  if
  :: n <= SLOTS -> user[n] = k; slot_reply[k]!n
  :: else -> slot_reply[k]!0
  fi
}

#define granted_to(k, w, t) (owner[w] != FREE && user[owner[w]] == k && count[w] == t)

/* Runs one call. `discards`: the caller is dead, so calls that deliver, and calls that the end of
 * the process makes redundant, are discarded. */
inline run_call(p, discards) {
  calls[p]?kind, k, w, t;
  if
  :: ended[p]
  :: !ended[p] && kind == ACQUIRE_SLOT ->
#ifdef BUG_DRAIN_ASSIGNS_SLOTS
     assign_slot(k)
#else
     if
     :: discards
     :: !discards -> assign_slot(k)
     fi
#endif
  :: !ended[p] && kind == RELEASE_SLOT ->
     assert(user[w] == k && owner[0] != w && owner[1] != w);
#ifdef BUG_DRAIN_RELEASES_SLOTS
     user[w] = FREE
#else
     if
     :: discards              /* all slots of a dead process become free together, at the end */
     :: !discards -> user[w] = FREE
     fi
#endif
  :: !ended[p] && kind == SET -> assert(granted_to(k, w, t)); pending[p]--
  :: !ended[p] && kind == RELEASE_LOCK ->
#ifdef BUG_SWEEP_BEFORE_DRAIN
     if
     :: granted_to(k, w, t) -> owner[w] = FREE
     :: else
     fi
#else
     assert(granted_to(k, w, t));
     owner[w] = FREE
#endif
  fi;
  kind = 0; k = 0; w = 0; t = 0; n = 0
}

#define has_slot(p, s) (user[s] != FREE && process_of(user[s]) == p)
#define for_slots_of(p, variable, value) \
  n = 1; \
  do \
  :: n <= SLOTS && has_slot(p, n) -> variable[n] = value; n++ \
  :: n <= SLOTS && !has_slot(p, n) -> n++ \
  :: n > SLOTS -> break \
  od; \
  n = 0

/* Starts the proven end of process p. Its waiters leave first, so no drained call serves them. */
inline begin_end(p) {
  for_slots_of(p, of_dead, 1);
  if
  :: p == 0 -> waits[1] = 0; waits[2] = 0
  :: else -> waits[3] = 0
  fi;
#ifdef BUG_REUSE_BEFORE_SWEEP
  for_slots_of(p, user, FREE);
#endif
#ifdef BUG_SWEEP_BEFORE_DRAIN
  stage[p] = SWEEP
#else
  stage[p] = DRAIN
#endif
}

/* Sweeps one word; only the server changes the word of a dead owner. */
inline sweep(p) {
  if
  :: owner[swept] != FREE && of_dead[owner[swept]] -> owner[swept] = FREE
  :: else
  fi;
  swept++;
  if
  :: swept == WORDS ->
     swept = 0;
#ifdef BUG_SWEEP_BEFORE_DRAIN
     stage[p] = DRAIN
#else
     stage[p] = REUSE
#endif
  :: else
  fi
}

inline reuse(p) {
  n = 1;
  do
  :: n <= SLOTS && of_dead[n] -> of_dead[n] = 0; user[n] = FREE; n++
  :: n <= SLOTS && !of_dead[n] -> n++
  :: n > SLOTS -> break
  od;
  n = 0;
  stage[p] = GONE
}

#ifdef BUG_END_OF_FILE_IS_DEATH
#define proven_dead(p) (!alive[p] || p == 0 && cut_off)
#else
#define proven_dead(p) (!alive[p])
#endif
#ifdef BUG_SWEEP_BEFORE_DRAIN
#define AFTER_DRAIN REUSE
#else
#define AFTER_DRAIN SWEEP
#endif
#define served(p) (nempty(calls[p]) && stage[p] == LIVING && !(p == 0 && cut_off))
#define other_ends(p) (stage[1 - p] != LIVING && stage[1 - p] != GONE)

/* The server finishes one end before it starts the other. */
#define end_of(p) \
  :: atomic { proven_dead(p) && stage[p] == LIVING && !other_ends(p) -> begin_end(p) } \
  :: atomic { stage[p] == DRAIN && nempty(calls[p]) -> run_call(p, 1) } \
  :: atomic { stage[p] == DRAIN && empty(calls[p]) -> stage[p] = AFTER_DRAIN } \
  :: atomic { stage[p] == SWEEP -> sweep(p) } \
  :: atomic { stage[p] == REUSE -> reuse(p) }

/* If a thread waits for a word whose owner's session was ended, the server takes the word from the
 * owner. */
#define of_ended(w) (owner[w] != FREE && ended[process_of(user[owner[w]])])
#define wanted(w) (waits[1] == w + 1 || waits[2] == w + 1 || waits[3] == w + 1)

proctype core() {
  byte k, w, t, n, swept;
  mtype kind;
end:
  do
  :: atomic { served(0) -> run_call(0, 0) }
  :: atomic { served(1) -> run_call(1, 0) }
  end_of(0)
  end_of(1)
#ifndef BUG_END_SWEEPS_ONCE
  :: atomic { of_ended(0) && wanted(0) -> owner[0] = FREE }
  :: atomic { of_ended(1) && wanted(1) -> owner[1] = FREE }
#endif
  :: atomic { ends_left > 0 && alive[0] && stage[0] == LIVING ->
       ends_left--;
       ended[0] = 1;
       waits[1] = 0; waits[2] = 0;
       if :: inside[0] == 1 || inside[0] == 2 -> inside[0] = FREE :: else fi;
       if :: inside[1] == 1 || inside[1] == 2 -> inside[1] = FREE :: else fi;
       if :: of_ended(0) -> owner[0] = FREE :: else fi;
       if :: of_ended(1) -> owner[1] = FREE :: else fi;
#ifdef BUG_END_FREES_SLOTS
       for_slots_of(0, user, FREE)
#endif
     }
  od
}

/* ---- the environment --------------------------------------------------------------------- */

inline kill(p) {
  alive[p] = 0;
  crashes_left--;
  if :: inside[0] != FREE && process_of(inside[0]) == p -> inside[0] = FREE :: else fi;
  if :: inside[1] != FREE && process_of(inside[1]) == p -> inside[1] = FREE :: else fi
}

proctype environment() {
end:
  do
  :: atomic { crashes_left > 0 && alive[0] -> kill(0) }
  :: atomic { crashes_left > 0 && alive[1] -> kill(1) }
  :: atomic { crashes_left > 0 -> crashes_left = 0 }
  :: atomic { cuts_left > 0 && alive[0] -> cuts_left--; cut_off = 1 }
  :: atomic { cut_off -> cut_off = 0 }
  :: atomic { ended[0] && !lost[0] -> lost[0] = 1 }
#ifdef END
  :: atomic { ended[0] && !stopped && alive[0] -> stopped = 1 }
  :: atomic { ends_left > 0 -> ends_left = 0 }
#endif
  od
}

#define at_rest(w) (owner[w] == FREE || of_ended(w))
#define slot_at_rest(s) \
  (user[s] == FREE || alive[process_of(user[s])] && ended[process_of(user[s])])

init {
  atomic {
    run core();
    run thread(0, 1);
#ifndef ONE_THREAD
    run thread(0, 2);
#endif
    run thread(1, 3);
    run environment()
  };
  timeout;
  assert(at_rest(0) && at_rest(1));
  assert(slot_at_rest(1) && slot_at_rest(SLOTS));
  assert(inside[0] == FREE && inside[1] == FREE)
}
