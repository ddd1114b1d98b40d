# SPDX-License-Identifier: MIT

# A second compiler reads every source and every public header, each header by itself: clang,
# -fsyntax-only, warnings as errors. It is a part of each build with tests where clang is installed;
# a file is read again only after it, or a header that it includes, has changed.

find_program(AGORA_CLANG NAMES clang++)
if(NOT AGORA_CLANG)
  message(STATUS "clang is not installed: no second compiler reads the sources")
  return()
endif()

set(clang_flags -std=c++20 -fsyntax-only -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror
    -D_GLIBCXX_ASSERTIONS -DAGORA_VERSION="0" -DAGORA_INSTALL_BINDIR="/usr/bin"
    -I${CMAKE_SOURCE_DIR} -I${CMAKE_SOURCE_DIR}/client/include -I${CMAKE_SOURCE_DIR}/server/include)
file(GLOB_RECURSE clang_files CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR}
     ${CMAKE_SOURCE_DIR}/server/*.cpp ${CMAKE_SOURCE_DIR}/client/*.cpp
     ${CMAKE_SOURCE_DIR}/shared/*.cpp ${CMAKE_SOURCE_DIR}/client/include/*.hpp
     ${CMAKE_SOURCE_DIR}/server/include/*.hpp)
set(clang_stamps)
foreach(file ${clang_files})
  set(stamp ${CMAKE_BINARY_DIR}/clang/${file}.ok)
  get_filename_component(folder ${stamp} DIRECTORY)
  file(MAKE_DIRECTORY ${folder})
  if(file MATCHES "\\.hpp$")  # included, since "#pragma once" in a main file is a warning
    set(what -include ${CMAKE_SOURCE_DIR}/${file} -x c++ /dev/null)
  else()
    set(what ${CMAKE_SOURCE_DIR}/${file})
  endif()
  add_custom_command(OUTPUT ${stamp}
    COMMAND ${AGORA_CLANG} ${clang_flags} -MD -MF ${stamp}.d -MT ${stamp} ${what}
    COMMAND ${CMAKE_COMMAND} -E touch ${stamp}
    DEPENDS ${CMAKE_SOURCE_DIR}/${file} DEPFILE ${stamp}.d
    COMMENT "clang reads ${file}" VERBATIM)
  list(APPEND clang_stamps ${stamp})
endforeach()
add_custom_target(clang_syntax ALL DEPENDS ${clang_stamps})
