#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The core is pure: its libraries refer to no clock, random, thread, file or
# socket symbol. usage: pure_core.sh LIBRARY...
set -euo pipefail
banned='(^|::)(clock_gettime|gettimeofday|time|now|random_device|getrandom|rand|srand|pthread_create|'
banned+='pthread_mutex_lock|thread|async|open|open64|openat|fopen|fopen64|read|write|mmap|socket|connect|'
banned+='send|recv|accept|poll|epoll_wait|basic_fstream|basic_ifstream|basic_ofstream|getenv|getpid)(\(|$|@|<|\[)'
bad=0
for library in "$@"; do
  symbols=$(nm -uC "$library" | sed -n 's/^ *U //p' | grep -v '^agora::' | sort -u)
  if found=$(grep -E "$banned" <<<"$symbols"); then
    echo "$library refers to:"
    echo "$found"
    bad=1
  fi
done
# A check that cannot fail proves nothing: the programs' library must not pass it.
exit $bad
