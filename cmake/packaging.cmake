# SPDX-License-Identifier: MIT

# `cmake --install`, and the targets that find_package(agora) finds: agora::client, agora::server.
include(CMakePackageConfigHelpers)

add_executable(agora client/cli/main.cpp client/cli/typed_call.cpp client/cli/bench.cpp
                     client/cli/locked_command.cpp client/cli/key_commands.cpp)
target_link_libraries(agora PRIVATE agora_client agora_load CLI11::CLI11)

set(libraries agora_value agora_wire agora_shm agora_tls agora_auth agora_storage agora_core agora_engine agora_server_auth agora_server_tls agora_net
              agora_server_shm agora_server
              agora_client)
foreach(library ${libraries})
  string(REPLACE agora_ "" short ${library})
  set_target_properties(${library} PROPERTIES EXPORT_NAME ${short})
  target_include_directories(${library} PUBLIC $<INSTALL_INTERFACE:include>)
endforeach()

install(TARGETS agorad agora RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS ${libraries} EXPORT agora ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(CODE "
  set(SOURCE_DIR ${CMAKE_SOURCE_DIR})
  set(INCLUDE_DIR \$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/include)
  include(${CMAKE_SOURCE_DIR}/cmake/install_headers.cmake)
")
install(EXPORT agora NAMESPACE agora:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/agora
        FILE agora-targets.cmake)
configure_package_config_file(cmake/agora-config.cmake.in agora-config.cmake
                              INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/agora)
write_basic_package_version_file(agora-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/agora-config.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/agora-config-version.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/agora)

if(AGORA_TESTS)
  add_test(NAME package COMMAND ${CMAKE_SOURCE_DIR}/tests/package/run.sh ${CMAKE_BINARY_DIR}
           ${CMAKE_SOURCE_DIR})
  set_tests_properties(package PROPERTIES TIMEOUT 300)
endif()
