# SPDX-License-Identifier: MIT

# The benchmarks: agora beside its peers. Run by people, not by ctest.
file(GLOB bench_sources CONFIGURE_DEPENDS tests/bench/*.cpp)
add_executable(agora_bench ${bench_sources})
target_link_libraries(agora_bench PRIVATE agora_client agora_load agora_net agora_shm test_certificates CLI11::CLI11
                      nlohmann_json::nlohmann_json)
target_compile_definitions(agora_bench PRIVATE AGORA_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
