/* Who sleeps is woken: request and reply rings between clients and the server.
 *
 * Two clients, each with a ring of requests and a ring of replies, and one server. Whoever stores
 * into a ring looks at the reader's state, and rings only if it says SLEEPING: the server by an
 * eventfd, which counts; a client by a futex on the state itself, which forgets. Whoever wants to
 * sleep says so, and looks into the rings once more. Both put a fence between store and load.
 *
 * Memory is that of x86 (TSO): a store goes into the buffer of its thread and reaches memory some
 * time later, in order; a fence waits until the own buffer is empty. Futex calls are fences, as in
 * Linux; writing to an eventfd is not trusted to be one. Each client makes CALLS calls, up to two
 * unanswered (the rings hold two). The server may be woken for nothing (by a socket) WAKES times.
 * DEATH: it may be killed at any step; then a client's reading thread finds the end of file, says
 * so and wakes the client.
 *
 * Checked: each request arrives once, in order, and so does each reply; every run ends, with no
 * client asleep and no request left. Who sleeps for ever is an invalid end state. */

#ifndef CALLS
#define CALLS 2
#endif
#ifndef WAKES
#define WAKES 1
#endif

#define SERVER 2
#define READER 3                 /* of client 0 */

#define RUNNING 0
#define SLEEPING 1

/* Shared memory. */
#define SERVER_STATE 0
#define REQUEST(c, n) (1 + 8 * (c) + (n) % 2)
#define REQUESTS(c) (3 + 8 * (c))
#define REPLY(c, n) (4 + 8 * (c) + (n) % 2)
#define REPLIES(c) (6 + 8 * (c))
#define CLIENT_STATE(c) (7 + 8 * (c))
#define SESSION_LOST(c) (8 + 8 * (c))
byte memory[17];
chan buffer[5] = [4] of { byte, byte };

/* The kernel. */
byte eventfd;
bit asleep[2];

bit alive = 1;
bit finished[2];

#define store(me, place, value) buffer[me]!(place), (value)
#define fence(me) empty(buffer[me])

proctype store_buffers() {
  byte place, value;
end:
  do
  :: atomic { buffer[0]?place, value -> memory[place] = value; place = 0; value = 0 }
  :: atomic { buffer[1]?place, value -> memory[place] = value; place = 0; value = 0 }
  :: atomic { buffer[2]?place, value -> memory[place] = value; place = 0; value = 0 }
  :: atomic { buffer[3]?place, value -> memory[place] = value; place = 0; value = 0 }
  :: atomic { buffer[4]?place, value -> memory[place] = value; place = 0; value = 0 }
  od
}

/* ---- a client ----------------------------------------------------------------------------- */

inline request() {
#ifdef BUG_CLIENT_LOOKS_FIRST
  seen = memory[SERVER_STATE];
#endif
  store(c, REQUEST(c, sent), sent);
  store(c, REQUESTS(c), sent + 1);
#ifndef BUG_CLIENT_RINGS_WITHOUT_FENCE
  fence(c);
#endif
#ifndef BUG_CLIENT_LOOKS_FIRST
  seen = memory[SERVER_STATE];
#endif
  if
  :: seen == SLEEPING -> eventfd++
  :: else
  fi;
  atomic { seen = 0; sent++ }
}

#define reply_or_end (memory[REPLIES(c)] > received || memory[SESSION_LOST(c)])

inline await_reply() {
  do
  :: atomic { memory[REPLIES(c)] > received ->
       assert(memory[REPLY(c, received)] == received);
       received++;
       break
     }
  :: atomic { memory[REPLIES(c)] == received && memory[SESSION_LOST(c)] -> goto gone }
#ifdef BUG_CLIENT_SPINS
  :: !reply_or_end
#endif
  :: atomic { !reply_or_end -> store(c, CLIENT_STATE(c), SLEEPING) };
#ifndef BUG_CLIENT_SLEEPS_WITHOUT_FENCE
     fence(c);
#endif
#ifdef BUG_CLIENT_SLEEPS_UNCHECKED
     if
     :: true ->
#else
     if
     :: reply_or_end
     :: !reply_or_end ->
#endif
        atomic { fence(c) ->
          if
          :: memory[CLIENT_STATE(c)] == SLEEPING -> asleep[c] = 1
          :: else
          fi
        };
        !asleep[c]
     fi;
     store(c, CLIENT_STATE(c), RUNNING)
  od
}

proctype client(byte c) {
  byte sent, received, seen;
  do
  :: sent < CALLS && sent - received < 2 && !memory[SESSION_LOST(c)] -> request()
  :: sent > received -> await_reply()
  :: received == CALLS -> break
  :: sent == received && memory[SESSION_LOST(c)] -> break
  od;
gone:
  atomic { finished[c] = 1; sent = 0; received = 0; seen = 0 }
}

/* The thread that reads the socket; it finds the end of file. */
proctype reader(byte c) {
end:
  !alive;
#ifdef BUG_END_IS_NOT_TOLD
  store(READER + c, SESSION_LOST(c), 1);
#else
  store(READER + c, SESSION_LOST(c), 1);
#ifndef BUG_END_LEAVES_STATE
  store(READER + c, CLIENT_STATE(c), RUNNING);
#endif
  atomic { fence(READER + c) -> asleep[c] = 0 }
#endif
}

/* ---- the server --------------------------------------------------------------------------- */

inline answer(c) {
  atomic { memory[REQUESTS(c)] > done[c] ->
    assert(memory[REQUEST(c, done[c])] == done[c])
  };
  store(SERVER, REPLY(c, done[c]), done[c]);
  atomic { store(SERVER, REPLIES(c), done[c] + 1); done[c]++ };
#ifndef BUG_SERVER_RINGS_WITHOUT_FENCE
  fence(SERVER);
#endif
  if
  :: memory[CLIENT_STATE(c)] == SLEEPING ->
#ifndef BUG_WAKE_LEAVES_STATE
     store(SERVER, CLIENT_STATE(c), RUNNING);
#endif
     atomic { fence(SERVER) -> asleep[c] = 0 }
  :: else
  fi
}

#define requests_left (memory[REQUESTS(0)] > done[0] || memory[REQUESTS(1)] > done[1])

proctype server() {
  byte done[2], wakes_left = WAKES;
  {
    do
    :: answer(0)
    :: answer(1)
    :: atomic { !requests_left -> store(SERVER, SERVER_STATE, SLEEPING) };
#ifndef BUG_SERVER_SLEEPS_WITHOUT_FENCE
       fence(SERVER);
#endif
#ifdef BUG_SERVER_SLEEPS_UNCHECKED
       if
       :: true ->
#else
       if
       :: requests_left
       :: !requests_left ->
#endif
#ifdef BUG_SERVER_CLEARS_LATE
          eventfd = 0;
#endif
end:      if
          :: eventfd > 0
          :: atomic { wakes_left > 0 -> wakes_left-- }
          fi
       fi;
#ifndef BUG_SERVER_CLEARS_LATE
       eventfd = 0;
#endif
       store(SERVER, SERVER_STATE, RUNNING)
    od
  } unless { !alive };
  atomic { done[0] = 0; done[1] = 0; wakes_left = 0 }
}

init {
  atomic {
    run store_buffers();
    run server();
    run client(0);
#ifndef ONE_CLIENT
    run client(1);
#endif
#ifdef DEATH
    run reader(0);
#ifndef ONE_CLIENT
    run reader(1);
#endif
#endif
  };
#ifdef DEATH
  if
  :: alive = 0
  :: true
  fi;
#endif
  timeout;
  assert(finished[0] && (finished[1] || memory[REQUESTS(1)] == 0));
  assert(!alive || memory[REQUESTS(0)] == memory[REPLIES(0)]);
  assert(!alive || memory[REQUESTS(1)] == memory[REPLIES(1)])
}
