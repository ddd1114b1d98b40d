/* SPDX-License-Identifier: MIT */

/* No lost wake-ups: request and reply rings between clients and the server
 * (shared/shm/ring.hpp).
 *
 * Two clients and one server. Each client has a ring of requests and a ring of replies, of one
 * slot each, and a socket. A byte on the socket is the doorbell: it wakes the peer, and stays
 * until the peer has drained it. End of file on the socket wakes the peer as well. A side that
 * writes into a ring loads the flag of the reader, and rings the doorbell only if the reader
 * waits; a side that reads from a ring loads the flag of the writer, which may wait for room. A
 * side that wants to sleep sets its flag, and checks the ring once more. All of them have a
 * fence between store and load.
 *
 * The memory model is x86-TSO: a store enters the store buffer of its thread and reaches memory
 * some time later, in order; a fence waits until the thread's buffer is empty; an exchange is a
 * fence and acts on memory. Each client makes CALLS calls, as many concurrently as the rings
 * hold. The server takes no further request from a client to which it still owes a reply. It
 * may have WAKES spurious wake-ups (by another socket). DEATH: the server may be killed at any
 * step.
 *
 * Checked: each request and each reply arrives exactly once, in order; every run ends, with no
 * client asleep and no request left. A process that sleeps for ever is an invalid end state. */

#ifndef CALLS
#define CALLS 2
#endif
#ifndef WAKES
#define WAKES 1
#endif

#define SERVER 2

/* Shared memory: of client c, its requests (r = 0) and its replies (r = 1). */
#define AT(c, r, n) (10 * (c) + 5 * (r) + (n))
#define SLOT(c, r) AT(c, r, 0)
#define WRITTEN(c, r) AT(c, r, 1)
#define TAKEN(c, r) AT(c, r, 2)
#define READER_WAITS(c, r) AT(c, r, 3)
#define WRITER_WAITS(c, r) AT(c, r, 4)
byte memory[20];
chan buffer[3] = [6] of { byte, byte };

/* The sockets: bytes that the peer has not drained. A third byte has no further effect. */
byte to_server[2];
byte to_client[2];

bit alive = 1;
bit finished[2];

#define store(me, address, value) buffer[me]!(address), (value)
#define fence(me) empty(buffer[me])

inline ring(doorbell) {
  if
  :: doorbell < 2 -> doorbell++
  :: else
  fi
}

/* After a store: loads the flag `waits`, and wakes the peer if it is set. */
inline wake(me, waits, doorbell) {
#ifdef BUG_CLEARS_AFTER_RINGING
  if
  :: memory[waits] -> atomic { ring(doorbell) }; store(me, waits, 0)
  :: else
  fi
#else
  atomic {
    if
    :: memory[waits] -> memory[waits] = 0; ring(doorbell)
    :: else
    fi
  }
#endif
}

proctype store_buffers() {
  byte address, value;
end:
  do
  :: atomic { buffer[0]?address, value -> memory[address] = value; address = 0; value = 0 }
  :: atomic { buffer[1]?address, value -> memory[address] = value; address = 0; value = 0 }
  :: atomic { buffer[2]?address, value -> memory[address] = value; address = 0; value = 0 }
  od
}

/* ---- a client ----------------------------------------------------------------------------- */

#define room_for_request (memory[TAKEN(c, 0)] == sent)
#define reply_available (memory[WRITTEN(c, 1)] > received)
#define wants_to_send (sent < CALLS)

inline request() {
#ifdef BUG_CLIENT_LOADS_FLAG_FIRST
  seen = memory[READER_WAITS(c, 0)];
#endif
  store(c, SLOT(c, 0), sent);
  atomic { store(c, WRITTEN(c, 0), sent + 1); sent++ };
#ifndef BUG_CLIENT_RINGS_WITHOUT_FENCE
  fence(c);
#endif
#ifdef BUG_CLIENT_LOADS_FLAG_FIRST
  if
  :: atomic { seen -> seen = 0; memory[READER_WAITS(c, 0)] = 0; ring(to_server[c]) }
  :: else
  fi
#else
  wake(c, READER_WAITS(c, 0), to_server[c])
#endif
}

inline take_reply() {
  atomic { assert(memory[SLOT(c, 1)] == received); received++ };
  store(c, TAKEN(c, 1), received);
#ifndef BUG_CLIENT_TAKES_WITHOUT_FENCE
  fence(c);
#endif
#ifndef BUG_CLIENT_DOES_NOT_SIGNAL_ROOM
  wake(c, WRITER_WAITS(c, 1), to_server[c])
#endif
}

/* Sleeps until the server rings the doorbell: for a reply or, if the client has more to send, for
 * room. */
inline sleep() {
  store(c, READER_WAITS(c, 1), 1);
  if
  :: wants_to_send -> store(c, WRITER_WAITS(c, 0), 1)
  :: else
  fi;
#ifndef BUG_CLIENT_SLEEPS_WITHOUT_FENCE
  fence(c);
#endif
  if
#ifdef BUG_CLIENT_SLEEPS_UNCHECKED
  :: true ->
#else
  :: reply_available || (wants_to_send && room_for_request)
  :: !(reply_available || (wants_to_send && room_for_request)) ->
#endif
#ifdef BUG_CLIENT_DRAINS_LATE
     to_client[c] = 0;
#endif
#ifdef BUG_END_OF_FILE_IS_IGNORED
     atomic { to_client[c] > 0 -> to_client[c] = 0 }
#else
     if
     :: atomic { to_client[c] > 0 -> to_client[c] = 0 }
     :: atomic { !alive && to_client[c] == 0 -> ended = 1 }
     fi
#endif
  fi
}

proctype client(byte c) {
  byte sent, received;
  bit seen, ended;
  do
  :: received == CALLS -> break
  :: received < CALLS && wants_to_send && room_for_request && !ended -> request()
  :: received < CALLS && reply_available -> take_reply()
  :: received < CALLS && ended && !reply_available -> break
#ifdef BUG_CLIENT_SPINS
  :: received < CALLS && !reply_available && !(wants_to_send && room_for_request) -> skip
#endif
  :: received < CALLS && !ended && !reply_available && !(wants_to_send && room_for_request) ->
     sleep()
  od;
  atomic { finished[c] = 1; sent = 0; received = 0; seen = 0; ended = 0 }
}

/* ---- the server --------------------------------------------------------------------------- */

#define request_available(c) (!owes[c] && memory[WRITTEN(c, 0)] > done[c])
#define room_for_reply(c) (owes[c] && memory[TAKEN(c, 1)] == done[c] - 1)
#define work \
  (request_available(0) || request_available(1) || room_for_reply(0) || room_for_reply(1))

inline take_request(c) {
  atomic { request_available(c) ->
    assert(memory[SLOT(c, 0)] == done[c]);
    done[c]++;
    owes[c] = 1
  };
  store(SERVER, TAKEN(c, 0), done[c]);
  fence(SERVER);
  wake(SERVER, WRITER_WAITS(c, 0), to_client[c])
}

inline reply(c) {
  atomic { room_for_reply(c) -> store(SERVER, SLOT(c, 1), done[c] - 1) };
  atomic { store(SERVER, WRITTEN(c, 1), done[c]); owes[c] = 0 };
#ifndef BUG_SERVER_RINGS_WITHOUT_FENCE
  fence(SERVER);
#endif
  wake(SERVER, READER_WAITS(c, 1), to_client[c])
}

inline set_wait_flag(c) {
  if
  :: owes[c] -> store(SERVER, WRITER_WAITS(c, 1), 1)
  :: !owes[c] -> store(SERVER, READER_WAITS(c, 0), 1)
  fi
}

proctype server() {
  byte done[2], wakes_left = WAKES;
  bit owes[2];
  {
    do
    :: take_request(0)
    :: reply(0)
#ifndef ONE_CLIENT
    :: take_request(1)
    :: reply(1)
#endif
    :: !work ->
       set_wait_flag(0);
#ifndef ONE_CLIENT
       set_wait_flag(1);
#endif
#ifndef BUG_SERVER_SLEEPS_WITHOUT_FENCE
       fence(SERVER);
#endif
#ifdef BUG_SERVER_SLEEPS_UNCHECKED
       if
       :: true ->
#else
       if
       :: work
       :: !work ->
#endif
#ifdef BUG_SERVER_DRAINS_LATE
          to_server[0] = 0; to_server[1] = 0;
#endif
end:      if
          :: atomic { to_server[0] > 0 -> to_server[0] = 0 }
          :: atomic { to_server[1] > 0 -> to_server[1] = 0 }
          :: atomic { wakes_left > 0 -> wakes_left-- }
          fi
       fi
    od
  } unless { !alive };
  atomic { done[0] = 0; done[1] = 0; owes[0] = 0; owes[1] = 0; wakes_left = 0 }
}

init {
  atomic {
    run store_buffers();
    run server();
    run client(0);
#ifndef ONE_CLIENT
    run client(1);
#endif
  };
#ifdef DEATH
  if
  :: alive = 0
  :: true
  fi;
#endif
  timeout;
  assert(finished[0] && (finished[1] || memory[WRITTEN(1, 0)] == 0));
  assert(!alive || memory[WRITTEN(0, 0)] == memory[WRITTEN(0, 1)]);
  assert(!alive || memory[WRITTEN(1, 0)] == memory[WRITTEN(1, 1)])
}
