/* SPDX-License-Identifier: MIT */

/* The lock word in shared memory: a delegation (as in NFSv4), lent to clients by the core,
 * recalled for a call, and swept after the death of a process.
 *
 * One word {count, owner, died, server} and one server. Process 0 has two threads (slots 1 and
 * 2), process 1 has one (slot 3), process 2 is a remote client (4), which has no slot and only
 * calls. Each thread acquires and releases ACQUIRES times; in between it may send an
 * asynchronous change (SET) that must run under this grant. Any process may be killed at any
 * step, at most CRASHES of them. The server may recall the word PINS times for other reasons (a
 * watch, a guard, a transaction), may keep it at any time, and TIMEOUTS waiters time out. A
 * thread may always make a call instead of taking the fast path. The server's load and CAS are
 * two steps.
 *
 * Checked: one owner at a time; tokens grow with each grant; a call of release or change finds
 * the grant under which it was sent; the server grants nothing to a process known to be dead;
 * the first grant after a death, and no other, reports owner_died; every run ends, with no
 * waiter left and the word free.
 *
 * MUTE: a grant to thread 3 may be unable to report owner_died, and leaves that to the next
 * grant (the grant that reacquires the lock in condition.wait is such a one). DIED_IN_CORE: the
 * died bit is not in the word; the core keeps it, and does not lend the word before it has been
 * reported. LENDS_FREE_ONLY, with DIED_IN_CORE: the server lends only a free word; a client
 * that acquired the lock by a call also releases it by a call. The server implements this
 * variant. Without the two macros the model is the more general protocol, which lends held
 * words, too.
 *
 * A seeded bug is chosen with -DBUG_NAME; run.py has the list. */

#ifndef ACQUIRES
#define ACQUIRES 1
#endif
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef TIMEOUTS
#define TIMEOUTS 0
#endif
#ifndef PINS
#define PINS 0
#endif
#ifndef SETS
#define SETS 0
#endif

#if ACQUIRES > 1
#define CALLS_MAX 6
#else
#define CALLS_MAX 4
#endif

#define NONE 0
#define THREADS 4
#define REMOTE 4        /* the client of process 2 */
#define SERVER 5        /* the owner field while a remote client holds */
#define PROCESSES 3
#define process_of(c) ((c) <= 2 -> 0 : (c) - 2)

mtype = { ACQUIRE, REACQUIRE, RELEASE, SET, GRANT, NOTHING };

/* The word. */
byte count;
byte owner;
bit died;
bit server;

/* The state of the core. The FIFO of waiters is private to it; `holder` is valid while `server` is
 * set, otherwise the owner is in the word. */
byte holder;
chan waiters = [THREADS] of { byte };
bit mute[THREADS + 1];           /* its grant cannot report owner_died (condition.wait) */

chan calls[PROCESSES] = [CALLS_MAX] of { mtype, byte, byte };      /* kind, thread, token */
chan replies[THREADS + 1] = [1] of { mtype, byte };        /* kind, token */
byte pending[PROCESSES];         /* asynchronous calls of the session without reply */

bit alive[PROCESSES] = 1;
bit known_dead[PROCESSES];
byte crashes_left = CRASHES;

/* The state of an omniscient observer, for the assertions. */
byte inside;                     /* the living thread that believes to hold the lock */
byte last_token;
bit unreported;                      /* a holder died, and no grant has reported it */
bit released[THREADS + 1];       /* its call of release is in flight */
byte sets_left = SETS;

#ifdef DIED_IN_CORE
#define word_is(c_, o_, d_, s_) (count == (c_) && owner == (o_) && server == (s_))
#define seems_free (owner == NONE && !server)
#ifdef LENDS_FREE_ONLY
#define lendable (owner == NONE && empty(waiters) && !died)
#else
#define lendable (owner != SERVER && empty(waiters) && !died)
#endif
#else
#define word_is(c_, o_, d_, s_) \
  (count == (c_) && owner == (o_) && died == (d_) && server == (s_))
#define seems_free (owner == NONE && !server && !died)
#define lendable (owner != SERVER && empty(waiters))
#endif

inline observe_grant(c, reports) {
  assert(count > last_token);
  last_token = count;
  assert(!known_dead[process_of(c)]);
  assert(reports == (unreported && !mute[c]));
  unreported = (unreported && mute[c]) || !alive[process_of(c)];
}

/* ---- the threads ------------------------------------------------------------------------- */

inline enter() {
  assert(inside == NONE);
  inside = me;
}

inline call_acquire() {
  if
  :: calls[p]!ACQUIRE, me, 0
#ifdef MUTE
  :: me == 3 -> calls[p]!REACQUIRE, me, 0
#endif
  fi;
  if
  :: atomic { replies[me]?GRANT, t -> enter() }
  :: replies[me]?NOTHING, t -> t = 0
  fi
}

inline change() {
  if
  :: atomic { sets_left > 0 && nfull(calls[p]) ->
       sets_left--;
       pending[p]++;
       calls[p]!SET, me, t
     }
  :: true
  fi
}

inline call_release() {
  atomic {
    inside = NONE;
    released[me] = 1;
    calls[p]!RELEASE, me, t
  }
}

proctype mapped(byte p; byte me) {
  byte t, n;
  {
    do
    :: n == ACQUIRES -> break
    :: else ->
      n++;
again:
      if
#ifdef BUG_ACQUIRE_SPINS
      :: !seems_free -> goto again
#endif
#ifdef BUG_ACQUIRE_IGNORES_DIED
      :: atomic { owner == NONE && !server && pending[p] == 0 -> t = count };
#else
      :: atomic { seems_free && pending[p] == 0 -> t = count };
#endif
        if
        :: atomic {
#ifdef BUG_ACQUIRE_IGNORES_DIED
             count == t && owner == NONE && !server ->
             died = 0;
#else
             word_is(t, NONE, 0, 0) ->
#endif
             count++;
             owner = me;
             t = count;
             observe_grant(me, 0);
             enter()
           }
        :: atomic { else -> t = 0 }; call_acquire()
        fi
      :: true -> call_acquire()
      fi;
      if
      :: t != 0 ->
        change();
        if
#ifdef BUG_RELEASE_OVERTAKES
        :: true ->
#else
        :: pending[p] == 0 ->
#endif
          if
#ifdef BUG_RELEASE_BLIND
          :: atomic { owner == me && !server -> skip };
             atomic { count = t; owner = NONE; died = 0; server = 0; inside = NONE }
#else
#ifdef BUG_RELEASE_DROPS_DIED
          :: atomic { count == t && owner == me && !server ->
               owner = NONE; died = 0; inside = NONE }
#else
          :: atomic { word_is(t, me, 0, 0) -> owner = NONE; inside = NONE }
#endif
#endif
          :: else -> call_release()
          fi
        :: true -> call_release()
        fi;
        t = 0
      :: else
      fi
    od
  } unless { !alive[p] };
  atomic { t = 0; n = 0 }
}

proctype remote(byte p; byte me) {
  byte t, n;
  {
    do
    :: n == ACQUIRES -> break
    :: else ->
      n++;
      call_acquire();
      if
      :: t != 0 -> change(); call_release(); t = 0
      :: else
      fi
    od
  } unless { !alive[p] };
  atomic { t = 0; n = 0 }
}

/* A kill ends all threads of the process at once. */
inline kill(p) {
  alive[p] = 0;
  crashes_left--;
  if
  :: inside != NONE && process_of(inside) == p -> inside = NONE
  :: else
  fi;
  if
  :: owner == SERVER && process_of(holder) == p && !released[holder] -> unreported = 1
  :: owner != SERVER && owner != NONE && process_of(owner) == p && !released[owner] ->
     unreported = 1
  :: else
  fi
}

proctype killer() {
end:
  do
  :: atomic { crashes_left > 0 && alive[0] -> kill(0) }
  :: atomic { crashes_left > 0 && alive[1] -> kill(1) }
  :: atomic { crashes_left > 0 && alive[2] -> kill(2) }
  :: atomic { crashes_left = 0; break }  /* otherwise a kill could always resolve a deadlock */
  od
}

/* ---- the server -------------------------------------------------------------------------- */

/* The word as the server last saw it: by a load, or by the result of a failed CAS. */
inline load() {
  seen_count = count;
  seen_owner = owner;
  seen_died = died
}

/* Recalls the word, whatever its state. @pre load() */
inline recall() {
  do
  :: atomic { server -> break }
#ifdef BUG_RECALL_BLIND
  :: atomic { !server ->
       count = seen_count; owner = seen_owner; died = seen_died; server = 1; break }
#else
  :: atomic { !server && word_is(seen_count, seen_owner, seen_died, 0) -> server = 1; break }
  :: atomic { !server && !word_is(seen_count, seen_owner, seen_died, 0) -> load() }
#endif
  od
}

/* While the word is recalled only the server changes it, and no client can distinguish a late reply
 * from one that it reads late. So the core's decision, the store and the reply are one step. */

/* Grants the lock to a caller; the word is free. */
inline grant(next) {
  assert(server && owner == NONE);
  count++;
  holder = next;
#ifdef LENDS_FREE_ONLY
  owner = SERVER;
#else
  owner = (next == REMOTE -> SERVER : next);
#endif
  reports = died && !mute[next];
  died = died && mute[next];
  observe_grant(next, reports);
  mute[next] = 0;
  reports = 0;
  replies[next]!GRANT, count
}

/* Ends the grant, and grants the lock to the first waiter of the FIFO. */
inline end_grant(by_death) {
  if
  :: owner == SERVER -> released[holder] = 0
  :: else -> released[owner] = 0
  fi;
  owner = NONE;
  holder = NONE;
  died = died || by_death;
  if
  :: waiters?next -> grant(next); next = 0
  :: empty(waiters)
  fi
}

/* Lends the word if that is allowed, or keeps it. */
inline lend_or_keep() {
#ifdef BUG_LENDS_WHILE_WAITED_FOR
  if :: owner != SERVER -> server = 0 :: true fi;
#else
  if :: lendable -> server = 0 :: true fi;
#endif
  seen_count = 0; seen_owner = 0; seen_died = 0;
  kind = 0; c = 0; t = 0
}

#define holds(c, t) (count == t && (owner == c || owner == SERVER && holder == c))

/* Runs one received call to its end. */
inline run_call() {
  if
  :: atomic { kind == SET ->
       assert(holds(c, t)); pending[process_of(c)]--; kind = 0; c = 0; t = 0 }
  :: kind == NOTHING -> atomic { kind = 0; c = 0; t = 0 }
  :: atomic { kind != SET && kind != NOTHING -> load() };
     recall();
     atomic {
       if
       :: kind == RELEASE ->
#ifdef BUG_SWEEP_BEFORE_DRAIN
          if
          :: holds(c, t) -> end_grant(0)
          :: else
          fi
#else
          assert(holds(c, t));
          end_grant(0)
#endif
       :: kind != RELEASE && owner == NONE -> mute[c] = kind == REACQUIRE; grant(c)
       :: kind != RELEASE && owner != NONE -> mute[c] = kind == REACQUIRE; waiters!c
       fi;
       lend_or_keep()
     }
  fi
}

inline remove_waiter(w) {
  if
  :: waiters??[eval(w)] -> waiters??eval(w); mute[w] = 0
  :: else
  fi
}

inline remove_waiters() {
  if
  :: dead == 0 -> remove_waiter(1); remove_waiter(2)
  :: dead == 1 -> remove_waiter(3)
  :: dead == 2 -> remove_waiter(4)
  fi
}

#define held_by_dead \
  (owner == SERVER && process_of(holder) == dead || \
   owner != SERVER && owner != NONE && process_of(owner) == dead)

/* Drains the last calls of a dead process: discards calls that wait, runs the others. */
inline drain() {
  do
  :: atomic { nempty(calls[dead]) -> calls[dead]?kind, c, t;
#ifndef BUG_DRAIN_RUNS_ALL
       if
       :: kind == ACQUIRE || kind == REACQUIRE -> kind = NOTHING
       :: else
       fi
#endif
     };
     run_call()
  :: atomic { empty(calls[dead]) -> break }
  od
}

inline sweep() {
  if
  :: atomic { held_by_dead -> load() };
     recall();
     atomic { end_grant(1); lend_or_keep() }
  :: atomic { !held_by_dead && server -> lend_or_keep() }
  :: !held_by_dead && !server
  fi
}

/* The end of a process, proven by its pidfd, or by end of file for a remote client. */
inline reclaim() {
#ifdef BUG_WAITERS_AFTER_DRAIN
  drain();
  atomic { remove_waiters() };
  sweep()
#else
  atomic { remove_waiters() };
#ifdef BUG_SWEEP_BEFORE_DRAIN
  sweep();
  drain()
#else
  drain();
  sweep()
#endif
#endif
}

/* A waiter times out. */
#define time_out(w) \
  :: atomic { waiters??[eval(w)] && timeouts_left > 0 -> \
       waiters??eval(w); mute[w] = 0; timeouts_left--; replies[w]!NOTHING, 0; lend_or_keep() }

#define calls_of(p) \
  :: atomic { !known_dead[p] && nempty(calls[p]) -> calls[p]?kind, c, t }; run_call()

#define end_of(p) \
  :: atomic { !known_dead[p] && !alive[p] -> known_dead[p] = 1; dead = p }

proctype core() {
  byte c, t, next, reports, seen_count, seen_owner, seen_died, dead;
  mtype kind;
  byte timeouts_left = TIMEOUTS, pins_left = PINS;
end:
  do
  :: atomic {
       if
       :: !known_dead[0] && nempty(calls[0]) -> calls[0]?kind, c, t
       :: !known_dead[1] && nempty(calls[1]) -> calls[1]?kind, c, t
       :: !known_dead[2] && nempty(calls[2]) -> calls[2]?kind, c, t
       fi
     };
     run_call()
  :: atomic {
       if
       :: !known_dead[0] && !alive[0] -> dead = 0
       :: !known_dead[1] && !alive[1] -> dead = 1
       :: !known_dead[2] && !alive[2] -> dead = 2
       fi;
       known_dead[dead] = 1
     };
     reclaim();
     dead = 0
#if TIMEOUTS
  time_out(1)
  time_out(2)
  time_out(3)
  time_out(4)
#endif
#if PINS
  :: atomic { pins_left > 0 && !server -> pins_left--; load() };
     recall();
     atomic { lend_or_keep() }
#endif
  od
}

init {
  atomic {
    run core();
#ifdef FIRST
    run mapped(0, 1);
#endif
#ifdef SECOND
    run mapped(0, 2);
#endif
#ifdef THIRD
    run mapped(1, 3);
#endif
#ifdef FOURTH
    run remote(2, 4);
#endif
    run killer()
  };
  /* No process can make a step any more. */
  timeout;
  assert(owner == NONE && empty(waiters) && inside == NONE);
  assert(died == unreported)
}
