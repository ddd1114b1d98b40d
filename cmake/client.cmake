# SPDX-License-Identifier: MIT

# The C++ client library, its unit tests, and the user programs under tests/user.

agora_library(agora_client FOLDERS client/src/transport client/src/memory client/src/session
              client/src/client client/src/server client/src/proxies
              LINK agora_wire agora_value agora_auth agora_tls Threads::Threads nlohmann_json::nlohmann_json
              PRIVATE ${CMAKE_DL_LIBS})
target_include_directories(agora_client PUBLIC $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/client/include>)
target_compile_definitions(agora_client PRIVATE
                           AGORA_INSTALL_BINDIR="${CMAKE_INSTALL_FULL_BINDIR}")
add_library(agora::client ALIAS agora_client)

if(AGORA_TESTS)
  file(GLOB client_tests CONFIGURE_DEPENDS tests/unit/client/*_test.cpp)
  if(client_tests)
    add_executable(unit_client ${client_tests})
    target_link_libraries(unit_client PRIVATE agora_client agora_load test_main rapidcheck)
    add_test(NAME unit_client COMMAND unit_client)
  endif()

  # The hundred programs that include the whole library share one precompiled header, as parsing it is
  # most of their compile time. One of the user programs builds it.
  add_executable(user_first_example tests/user/first_example.cpp)
  target_link_libraries(user_first_example PRIVATE agora_client)
  target_precompile_headers(user_first_example PRIVATE <agora/agora.hpp>)
  function(agora_program name)
    target_link_libraries(${name} PRIVATE agora_client)
    # user_types embeds a server, whose compile definitions differ from the precompiled header's;
    # boost_asio takes another Asio.
    if(NOT name MATCHES "^(user_first_example|user_user_types|user_deprecated_names|user_boost_asio)$")
      target_precompile_headers(${name} REUSE_FROM user_first_example)
    endif()
  endfunction()

  # Each is a program as a user would write it. It checks itself and exits with 0 or 1.
  add_custom_target(user_programs)
  file(GLOB user_programs CONFIGURE_DEPENDS tests/user/*.cpp)
  foreach(source ${user_programs})
    get_filename_component(name ${source} NAME_WE)
    if(NOT TARGET user_${name})
      add_executable(user_${name} ${source})
    endif()
    agora_program(user_${name})
    target_include_directories(user_${name} PRIVATE ${CMAKE_SOURCE_DIR})
    add_dependencies(user_programs user_${name})
    add_test(NAME user_${name} COMMAND user_${name})
    set_tests_properties(user_${name} PROPERTIES
                         ENVIRONMENT "AGORA_SERVER=${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/agorad")
  endforeach()
  # Hosts as network namespaces. ctest reports the test as skipped without root.
  add_executable(hosts_worker tests/hosts/worker.cpp)
  agora_program(hosts_worker)
  add_test(NAME hosts COMMAND /usr/bin/python3 -B ${CMAKE_SOURCE_DIR}/tests/hosts/hosts_test.py
           ${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/agorad ${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/agora
           $<TARGET_FILE:hosts_worker>)
  set_tests_properties(hosts PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 600)
  target_link_libraries(user_user_types PRIVATE agora_server)  # it embeds one
  target_link_libraries(user_tls PRIVATE test_certificates)
  target_link_libraries(user_tls_cuts PRIVATE test_certificates)
  # The thread sanitizer ends a forked child of a program with threads that starts a thread whose id
  # the parent has in use ("dup thread with used id").
  if(CMAKE_CXX_FLAGS MATCHES "-fsanitize=thread")
    set_tests_properties(user_fork_with_threads user_shared_stopped PROPERTIES DISABLED TRUE)
  endif()
endif()
