# The benchmarks: agora beside its peers. Run by people, not by ctest.
add_executable(agora_bench tests/bench/main.cpp tests/bench/generator.cpp tests/bench/peers.cpp
               tests/bench/whole_manager.cpp tests/bench/shared_dict.cpp tests/bench/shared_memory.cpp
               tests/bench/rings.cpp)
target_link_libraries(agora_bench PRIVATE agora_client agora_net agora_shm)
