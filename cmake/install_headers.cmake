# SPDX-License-Identifier: MIT

# Installs the public headers, and of the others just those that they include, so that the prefix
# gets <agora/...> and nothing else. Run by `cmake --install`, with SOURCE_DIR and INCLUDE_DIR set.
#
# The sources include each other from the root of the repository ("shared/value/any.hpp"). Installed
# headers must not occupy such short paths: they go to agora/detail, and their includes follow.

cmake_policy(VERSION 3.25)

# Maps a path of the repository to its place below include/.
function(installed_path source result)
  if(source MATCHES "^(client|server)/include/(.*)$")
    set(${result} ${CMAKE_MATCH_2} PARENT_SCOPE)
  else()
    set(${result} agora/detail/${source} PARENT_SCOPE)
  endif()
endfunction()

file(GLOB_RECURSE pending RELATIVE ${SOURCE_DIR} ${SOURCE_DIR}/client/include/agora/*.hpp
     ${SOURCE_DIR}/server/include/agora/*.hpp)
set(done)
while(pending)
  list(POP_FRONT pending header)
  if(header IN_LIST done)
    continue()
  endif()
  list(APPEND done ${header})
  file(READ ${SOURCE_DIR}/${header} text)
  string(REGEX MATCHALL "#include \"[^\"]+\"" includes "${text}")
  foreach(include ${includes})
    string(REGEX REPLACE "#include \"(.*)\"" "\\1" target "${include}")
    if(NOT EXISTS ${SOURCE_DIR}/${target})
      message(FATAL_ERROR "${header} includes ${target}, which does not exist")
    endif()
    list(APPEND pending ${target})
    installed_path(${target} place)
    string(REPLACE "${include}" "#include <${place}>" text "${text}")
  endforeach()
  installed_path(${header} place)
  file(CONFIGURE OUTPUT ${INCLUDE_DIR}/${place} CONTENT "@text@" @ONLY)
endwhile()
