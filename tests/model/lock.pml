/* The lock word of shared memory: lent by the core, taken back by a call, swept after a death.
 *
 * One word {count, owner, died, server} and one server. Process 0 has two threads (slots 1 and 2),
 * process 1 has one (slot 3), process 2 is a remote client (4), which has no slot and only calls.
 * Each thread acquires and releases ACQUIRES times; in between it may send an asynchronous change
 * (SET) that has to be run under this grant. Any process may be killed at any step, CRASHES of them
 * at most. The server may take the word back without need PINS times (a watch, a guard, a
 * transaction), may keep it whenever it likes, and TIMEOUTS waiters run out of time. A thread may
 * always choose the call instead of the fast path. The server's load and CAS are two steps.
 *
 * Checked: one owner at a time; tokens grow with each grant; a call of release or change finds the
 * grant it was sent under; nothing is granted to a process known as dead; owner_died is told to the
 * grant after a death and to no other; every run ends, with nobody waiting and the word free.
 *
 * MUTE: a grant of thread 3 may be unable to say owner_died, which then is left for the next one
 * (the lock of a condition.wait is taken back so). DIED_IN_CORE: the died bit is not in the word; the
 * core keeps it, and does not lend the word before it has been told. LENDS_FREE_ONLY, with that: only
 * a free word is lent; who got the lock by a call also releases it by a call. So the server is built;
 * without the two macros the model is of the wider protocol, in which held words are lent too.
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

#define NOBODY 0
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

/* What of the core matters here. The line is private to it; `holder` is good while `server` is set,
 * otherwise the word knows more. */
byte holder;
chan line = [THREADS] of { byte };
bit mute[THREADS + 1];           /* its grant cannot say owner_died (condition.wait) */

chan calls[PROCESSES] = [CALLS_MAX] of { mtype, byte, byte };      /* kind, thread, token */
chan replies[THREADS + 1] = [1] of { mtype, byte };        /* kind, token */
byte unanswered[PROCESSES];      /* asynchronous calls of the session */

bit alive[PROCESSES] = 1;
bit known_dead[PROCESSES];
byte crashes_left = CRASHES;

/* What an outside observer knows. */
byte inside;                     /* who believes to hold the lock, and lives */
byte last_token;
bit unsaid;                      /* a holder died, and no grant has been told */
bit released[THREADS + 1];       /* its call of release is under way */
byte sets_left = SETS;

#ifdef DIED_IN_CORE
#define word_is(c_, o_, d_, s_) (count == (c_) && owner == (o_) && server == (s_))
#define seems_free (owner == NOBODY && !server)
#ifdef LENDS_FREE_ONLY
#define lendable (owner == NOBODY && empty(line) && !died)
#else
#define lendable (owner != SERVER && empty(line) && !died)
#endif
#else
#define word_is(c_, o_, d_, s_) \
  (count == (c_) && owner == (o_) && died == (d_) && server == (s_))
#define seems_free (owner == NOBODY && !server && !died)
#define lendable (owner != SERVER && empty(line))
#endif

inline observe_grant(c, told) {
  assert(count > last_token);
  last_token = count;
  assert(!known_dead[process_of(c)]);
  assert(told == (unsaid && !mute[c]));
  unsaid = (unsaid && mute[c]) || !alive[process_of(c)];
}

/* ---- the threads ------------------------------------------------------------------------- */

inline enter() {
  assert(inside == NOBODY);
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
       unanswered[p]++;
       calls[p]!SET, me, t
     }
  :: true
  fi
}

inline call_release() {
  atomic {
    inside = NOBODY;
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
      :: atomic { owner == NOBODY && !server && unanswered[p] == 0 -> t = count };
#else
      :: atomic { seems_free && unanswered[p] == 0 -> t = count };
#endif
        if
        :: atomic {
#ifdef BUG_ACQUIRE_IGNORES_DIED
             count == t && owner == NOBODY && !server ->
             died = 0;
#else
             word_is(t, NOBODY, 0, 0) ->
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
        :: unanswered[p] == 0 ->
#endif
          if
#ifdef BUG_RELEASE_BLIND
          :: atomic { owner == me && !server -> skip };
             atomic { count = t; owner = NOBODY; died = 0; server = 0; inside = NOBODY }
#else
#ifdef BUG_RELEASE_DROPS_DIED
          :: atomic { count == t && owner == me && !server ->
               owner = NOBODY; died = 0; inside = NOBODY }
#else
          :: atomic { word_is(t, me, 0, 0) -> owner = NOBODY; inside = NOBODY }
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
  :: inside != NOBODY && process_of(inside) == p -> inside = NOBODY
  :: else
  fi;
  if
  :: owner == SERVER && process_of(holder) == p && !released[holder] -> unsaid = 1
  :: owner != SERVER && owner != NOBODY && process_of(owner) == p && !released[owner] -> unsaid = 1
  :: else
  fi
}

proctype killer() {
end:
  do
  :: atomic { crashes_left > 0 && alive[0] -> kill(0) }
  :: atomic { crashes_left > 0 && alive[1] -> kill(1) }
  :: atomic { crashes_left > 0 && alive[2] -> kill(2) }
  :: atomic { crashes_left = 0; break }  /* else a kill would always come to the rescue */
  od
}

/* ---- the server -------------------------------------------------------------------------- */

/* The word as the server last saw it: by a load, or by the answer of a CAS that failed. */
inline load() {
  seen_count = count;
  seen_owner = owner;
  seen_died = died
}

/* Takes the word into the server's hands, whatever it says. A load went before. */
inline take_back() {
  do
  :: atomic { server -> break }
#ifdef BUG_TAKE_BLIND
  :: atomic { !server ->
       count = seen_count; owner = seen_owner; died = seen_died; server = 1; break }
#else
  :: atomic { !server && word_is(seen_count, seen_owner, seen_died, 0) -> server = 1; break }
  :: atomic { !server && !word_is(seen_count, seen_owner, seen_died, 0) -> load() }
#endif
  od
}

/* While the word is in hand nobody else can change it, and no client can tell a reply that is late
 * from one that it reads late: so what the core decides, the store and the reply are one step. */

/* To one who has asked; the word is free. */
inline give(next) {
  assert(server && owner == NOBODY);
  count++;
  holder = next;
#ifdef LENDS_FREE_ONLY
  owner = SERVER;
#else
  owner = (next == REMOTE -> SERVER : next);
#endif
  told = died && !mute[next];
  died = died && mute[next];
  observe_grant(next, told);
  mute[next] = 0;
  told = 0;
  replies[next]!GRANT, count
}

/* The grant ends, and the first in the line has the next one. */
inline pass_on(by_death) {
  if
  :: owner == SERVER -> released[holder] = 0
  :: else -> released[owner] = 0
  fi;
  owner = NOBODY;
  holder = NOBODY;
  died = died || by_death;
  if
  :: line?next -> give(next); next = 0
  :: empty(line)
  fi
}

/* Lends the word if nothing speaks against it, or keeps it all the same. */
inline settle() {
#ifdef BUG_LENDS_WHILE_WAITED_FOR
  if :: owner != SERVER -> server = 0 :: true fi;
#else
  if :: lendable -> server = 0 :: true fi;
#endif
  seen_count = 0; seen_owner = 0; seen_died = 0;
  kind = 0; c = 0; t = 0
}

#define holds(c, t) (count == t && (owner == c || owner == SERVER && holder == c))

/* One call that was received, to its end. */
inline run_call() {
  if
  :: atomic { kind == SET ->
       assert(holds(c, t)); unanswered[process_of(c)]--; kind = 0; c = 0; t = 0 }
  :: kind == NOTHING -> atomic { kind = 0; c = 0; t = 0 }
  :: atomic { kind != SET && kind != NOTHING -> load() };
     take_back();
     atomic {
       if
       :: kind == RELEASE ->
#ifdef BUG_SWEEP_BEFORE_DRAIN
          if
          :: holds(c, t) -> pass_on(0)
          :: else
          fi
#else
          assert(holds(c, t));
          pass_on(0)
#endif
       :: kind != RELEASE && owner == NOBODY -> mute[c] = kind == REACQUIRE; give(c)
       :: kind != RELEASE && owner != NOBODY -> mute[c] = kind == REACQUIRE; line!c
       fi;
       settle()
     }
  fi
}

inline leave_line(w) {
  if
  :: line??[eval(w)] -> line??eval(w); mute[w] = 0
  :: else
  fi
}

inline waiters_leave() {
  if
  :: corpse == 0 -> leave_line(1); leave_line(2)
  :: corpse == 1 -> leave_line(3)
  :: corpse == 2 -> leave_line(4)
  fi
}

#define held_by_corpse \
  (owner == SERVER && process_of(holder) == corpse || \
   owner != SERVER && owner != NOBODY && process_of(owner) == corpse)

/* The last calls of a dead process: what waits or hands out is discarded, the rest is run. */
inline drain() {
  do
  :: atomic { nempty(calls[corpse]) -> calls[corpse]?kind, c, t;
#ifndef BUG_DRAIN_RUNS_ALL
       if
       :: kind == ACQUIRE || kind == REACQUIRE -> kind = NOTHING
       :: else
       fi
#endif
     };
     run_call()
  :: atomic { empty(calls[corpse]) -> break }
  od
}

inline sweep() {
  if
  :: atomic { held_by_corpse -> load() };
     take_back();
     atomic { pass_on(1); settle() }
  :: atomic { !held_by_corpse && server -> settle() }
  :: !held_by_corpse && !server
  fi
}

/* The end of a process, proven by its pidfd, or by the end of file of a remote client. */
inline bury() {
#ifdef BUG_WAITERS_AFTER_DRAIN
  drain();
  atomic { waiters_leave() };
  sweep()
#else
  atomic { waiters_leave() };
#ifdef BUG_SWEEP_BEFORE_DRAIN
  sweep();
  drain()
#else
  drain();
  sweep()
#endif
#endif
}

/* The time of a waiter is over. */
#define time_out(w) \
  :: atomic { line??[eval(w)] && timeouts_left > 0 -> \
       line??eval(w); mute[w] = 0; timeouts_left--; replies[w]!NOTHING, 0; settle() }

#define calls_of(p) \
  :: atomic { !known_dead[p] && nempty(calls[p]) -> calls[p]?kind, c, t }; run_call()

#define end_of(p) \
  :: atomic { !known_dead[p] && !alive[p] -> known_dead[p] = 1; corpse = p }

proctype core() {
  byte c, t, next, told, seen_count, seen_owner, seen_died, corpse;
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
       :: !known_dead[0] && !alive[0] -> corpse = 0
       :: !known_dead[1] && !alive[1] -> corpse = 1
       :: !known_dead[2] && !alive[2] -> corpse = 2
       fi;
       known_dead[corpse] = 1
     };
     bury();
     corpse = 0
#if TIMEOUTS
  time_out(1)
  time_out(2)
  time_out(3)
  time_out(4)
#endif
#if PINS
  :: atomic { pins_left > 0 && !server -> pins_left--; load() };
     take_back();
     atomic { settle() }
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
  /* Nothing can move any more. */
  timeout;
  assert(owner == NOBODY && empty(line) && inside == NOBODY);
  assert(died == unsaid)
}
