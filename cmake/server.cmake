# SPDX-License-Identifier: MIT

# The layers of the server that do I/O: net, shm and app.
find_package(spdlog REQUIRED)
find_package(CLI11 REQUIRED)

agora_library(agora_server_auth FOLDERS server/auth LINK agora_engine agora_auth)
agora_library(agora_server_tls FOLDERS server/tls LINK agora_core agora_tls)
agora_library(agora_net FOLDERS server/net LINK agora_engine agora_server_auth agora_server_tls PRIVATE Threads::Threads)

agora_library(agora_server_shm FOLDERS server/shm LINK agora_core agora_shm PRIVATE Threads::Threads)

add_library(agora_server STATIC server/app/server.cpp server/app/shutdown_triggers.cpp
            server/app/host.cpp server/app/memory_limit.cpp server/app/signals.cpp server/app/plugin.cpp
            server/app/log_writer.cpp)
target_include_directories(agora_server PUBLIC $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}>)
target_link_libraries(agora_server PUBLIC agora_net agora_server_shm Threads::Threads ${CMAKE_DL_LIBS})
target_compile_definitions(agora_server PRIVATE AGORA_VERSION="${PROJECT_VERSION}")

add_executable(agorad server/app/main.cpp)
target_link_libraries(agorad PRIVATE agora_server spdlog::spdlog CLI11::CLI11)
target_compile_definitions(agorad PRIVATE AGORA_VERSION="${PROJECT_VERSION}")
